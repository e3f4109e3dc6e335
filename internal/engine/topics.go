package engine

import (
	"strings"
	"sync"
	"sync/atomic"
)

// maxTopics bounds the table of topics that a bus publishes on, and maxRemoteTopics that of topics it only receives. A
// topic beyond is routed like any other, but slower, and its events have no sequence number.
const (
	maxTopics       = 1 << 16
	maxRemoteTopics = 1 << 12
)

// topic is what the bus remembers of a topic.
type topic struct {
	name     string
	counted  bool
	sequence atomic.Uint64 // of the last event; of a topic that is only received, how many came
	route    atomic.Pointer[route]

	// sending orders numbering, asking for interest and sending. So sequence numbers grow on the wire, and an event with a
	// higher number than what was announced is sent if there was interest by then.
	sending sync.Mutex
	told    uint64 // the last number that Progress has told; this and what follows belong to its caller
	quiet   int    // how many times it has been told again since
}

// route is an immutable match result.
type route struct {
	generation uint64 // of the index that it was made from
	to         []*Subscription
}

// next counts an event, and returns its sequence number.
func (t *topic) next() uint64 {
	if !t.counted {
		return 0
	}
	return t.sequence.Add(1)
}

// topicTable holds up to limit topics.
type topicTable struct {
	limit  int64
	size   atomic.Int64
	topics sync.Map // string -> *topic

	recent [recentTopics]atomic.Pointer[topic] // the last one that was looked up in each place
}

// recentTopics is how many topics a table finds without hashing their names; a power of two.
const recentTopics = 64

// place returns where in recent a topic is. It is cheap, and tells the topics of the hierarchy apart.
func place(name string) int {
	n := len(name)
	if n == 0 {
		return 0
	}
	return (n + 5*int(name[n-1]) + 3*int(name[n/2])) % recentTopics
}

// get returns the entry for a topic, and makes one. Beyond the limit the entry is a new one each time.
func (t *topicTable) get(name string) *topic {
	recent := &t.recent[place(name)]
	if found := recent.Load(); found != nil && found.name == name {
		return found
	}
	if found, ok := t.topics.Load(name); ok {
		recent.Store(found.(*topic))
		return found.(*topic)
	}
	if t.size.Add(1) > t.limit {
		t.size.Add(-1)
		return &topic{name: name}
	}
	name = strings.Clone(name) // as a part of an event it would keep all of its texts
	found, loaded := t.topics.LoadOrStore(name, &topic{name: name, counted: true})
	if loaded {
		t.size.Add(-1)
	}
	return found.(*topic)
}
