package bustest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// reference is a bus as the comments of package bus describe it, for one operation at a time: lists that are searched from end
// to end, and nothing that a bus has to be fast or safe. It shares no code with the buses.
type reference struct {
	options bus.Options
	remote  bool // the publisher is in another process
	closed  bool

	sequences                           map[string]uint64 // of the last event on a topic
	published, publishedBytes, received uint64
	subscriptions                       []*subscriber // all that there ever were
}

// subscriber is a subscription of the reference, and its receiver.
type subscriber struct {
	bus.Subscription
	ended    bool
	queue    []*bus.Event
	counters bus.SubscriptionStatistics // without Dropped and Queued, which follow from the rest

	overflows int        // since the circuit was closed
	probe     *bus.Event // that is queued while the circuit is half-open
}

// brief is a cool-down that is over when the next event comes.
const brief = time.Nanosecond

func newReference(options bus.Options, remote bool) *reference {
	return &reference{options: options, remote: remote, sequences: make(map[string]uint64)}
}

// live returns the live subscription with that ID, nil if there is none.
func (r *reference) live(id string) *subscriber {
	for _, s := range r.subscriptions {
		if s.ID == id && !s.ended {
			return s
		}
	}
	return nil
}

func (r *reference) active() int {
	n := 0
	for _, s := range r.subscriptions {
		if !s.ended {
			n++
		}
	}
	return n
}

// refuses returns the reasons not to register a subscription that is well formed.
func (r *reference) refuses(in bus.Subscription) []error {
	var reasons []error
	if r.closed {
		reasons = append(reasons, bus.ErrClosed)
	}
	if r.live(in.ID) != nil {
		reasons = append(reasons, bus.ErrDuplicateSubscriber)
	}
	if r.active() >= r.options.MaxSubscribers {
		reasons = append(reasons, bus.ErrTooManySubscribers)
	}
	return reasons
}

func (r *reference) subscribe(in bus.Subscription) *subscriber {
	in.CircuitBreak = in.CircuitBreak.Or(r.options.CircuitBreak)
	s := &subscriber{Subscription: in, counters: bus.SubscriptionStatistics{
		ID:            in.ID,
		QueueCapacity: cmp.Or(in.QueueCapacity, r.options.QueueCapacity),
		Overflow:      cmp.Or(in.Overflow, r.options.Overflow),
	}}
	if s.counters.Overflow == bus.BreakCircuit {
		s.counters.Circuit = bus.CircuitClosed
	}
	r.subscriptions = append(r.subscriptions, s)
	return s
}

func (r *reference) unsubscribe(id string) {
	if s := r.live(id); s != nil {
		s.ended = true
	}
}

// publish takes a valid event. It returns the IDs of the subscriptions for which the publisher waits, in vain.
func (r *reference) publish(in bus.Event) (full []string) {
	event := &in
	if event.Topic == "" {
		event.Topic = map[bus.EventType]string{
			bus.TypeProcess:     subjects.ProcessLifecycle,
			bus.TypeNetwork:     subjects.NetworkConnections,
			bus.TypeFilesystem:  subjects.FilesystemOperations,
			bus.TypePerformance: subjects.PerformanceUtilization,
			bus.TypeTrigger:     subjects.ControlTriggerRequest,
			bus.TypeHealth:      subjects.ControlHealthStatus,
		}[event.Type()]
	}
	r.sequences[event.Topic]++
	event.Sequence = r.sequences[event.Topic]
	r.published++
	r.publishedBytes += uint64(event.Msgsize())

	wanted := false
	for _, s := range r.subscriptions {
		if s.ended || !s.selects(event.Topic) {
			continue
		}
		wanted = true
		if s.passes(event) && s.offer(event, r.remote) {
			full = append(full, s.ID)
		}
	}
	if wanted && r.remote {
		r.received++ // what nobody wants does not come here
	}
	return full
}

// impatient reports whether time has to pass before the next event, lest it belongs to the cool-down of some circuit.
func (r *reference) impatient() bool {
	return slices.ContainsFunc(r.subscriptions, func(s *subscriber) bool {
		return !s.ended && s.counters.Circuit == bus.CircuitOpen && s.CircuitBreak.CoolDown == brief
	})
}

// shutdown ends every subscription, and discards what is queued for them unless there is time. What others have left, which
// ended before, can be received as before. It returns how much was discarded.
func (r *reference) shutdown(inTime bool) (discarded uint64) {
	r.closed = true
	for _, s := range r.subscriptions {
		if !s.ended && !inTime {
			s.counters.Drops.Shutdown = uint64(len(s.queue))
			discarded += s.counters.Drops.Shutdown
			s.queue = nil
		}
		s.ended = true
	}
	return discarded
}

// statistics returns what is the same in every run.
func (r *reference) statistics() bus.Statistics {
	sums := bus.Statistics{
		Published: r.published, PublishedBytes: r.publishedBytes, Received: r.received,
		ActiveSubscribers: r.active(), Connected: !r.closed, Closed: r.closed, Subscriptions: []bus.SubscriptionStatistics{},
	}
	for _, s := range r.subscriptions {
		one := s.statistics()
		sums.Matched += one.Matched
		sums.Delivered += one.Delivered
		sums.Dropped += one.Dropped
		sums.Queued += one.Queued
		sums.Drops = sums.Drops.Plus(one.Drops)
		if !s.ended {
			sums.Subscriptions = append(sums.Subscriptions, one)
		}
	}
	slices.SortFunc(sums.Subscriptions, func(a, b bus.SubscriptionStatistics) int { return strings.Compare(a.ID, b.ID) })
	return sums
}

// offer does with an event what the policy says, and reports whether the publisher waits for room.
func (s *subscriber) offer(event *bus.Event, remote bool) (waits bool) {
	c := &s.counters
	c.Matched++
	c.MatchedBytes += uint64(event.Msgsize())
	room := len(s.queue) < c.QueueCapacity
	switch {
	case c.Circuit == bus.CircuitHalfOpen, c.Circuit == bus.CircuitOpen && (s.CircuitBreak.CoolDown > brief || !room):
		c.Drops.Circuit++
		return false
	case c.Circuit == bus.CircuitOpen:
		c.Circuit, s.probe = bus.CircuitHalfOpen, event
	case room:
	case c.Overflow == bus.DropOldest:
		s.queue = s.queue[1:]
		c.Drops.Displaced++
	case c.Overflow == bus.Block && remote:
		c.Drops.Remote++
		return false
	case c.Overflow == bus.Block:
		c.Drops.Timeout++
		return true
	default:
		c.Drops.Overflow++
		if s.overflows++; c.Overflow == bus.BreakCircuit && s.overflows == s.CircuitBreak.Overflows {
			c.Circuit, s.overflows = bus.CircuitOpen, 0
			c.CircuitOpened++
		}
		return false
	}
	s.queue = append(s.queue, event)
	c.HighWater = max(c.HighWater, uint64(len(s.queue)))
	return false
}

// take is TryNext of the receiver.
func (s *subscriber) take() (*bus.Event, error) {
	if len(s.queue) == 0 {
		if s.ended {
			return nil, bus.ErrSubscriptionEnded
		}
		return nil, nil
	}
	event := s.queue[0]
	s.queue = s.queue[1:]
	s.counters.Delivered++
	if event == s.probe {
		s.counters.Circuit, s.probe = bus.CircuitClosed, nil
	}
	return event, nil
}

func (s *subscriber) statistics() bus.SubscriptionStatistics {
	statistics := s.counters
	statistics.Dropped, statistics.Queued = statistics.Drops.Total(), uint64(len(s.queue))
	return statistics
}

// selects reports whether a pattern of the subscription matches the topic.
func (s *subscriber) selects(topic string) bool {
	patterns := s.Patterns
	if len(patterns) == 0 {
		for _, c := range s.Capabilities {
			switch c {
			case bus.CapabilityProcess, bus.CapabilityNetwork, bus.CapabilityFilesystem, bus.CapabilityPerformance:
				patterns = append(patterns, "events."+string(c)+".+")
			}
		}
	}
	if len(patterns) == 0 {
		patterns = []string{"events.#"}
	}
	return anySelects(patterns, topic)
}

// passes reports whether the filters let an event through whose topic the patterns match.
func (s *subscriber) passes(event *bus.Event) bool {
	pid, hasPID := event.PID()
	for _, ok := range []bool{
		len(s.Topics.Include) == 0 || anySelects(s.Topics.Include, event.Topic),
		!anySelects(s.Topics.Exclude, event.Topic),
		len(s.Events.Types) == 0 || slices.Contains(s.Events.Types, event.Payload.Type()),
		len(s.Events.PIDs) == 0 || hasPID && slices.Contains(s.Events.PIDs, pid),
		len(s.Events.Sources) == 0 || slices.Contains(s.Events.Sources, event.Source),
		len(s.Correlations.Stages) == 0 || slices.Contains(s.Correlations.Stages, event.Correlation.Stage),
		hasTags(event, s.Correlations.RequiredTags) == len(s.Correlations.RequiredTags),
		len(s.Correlations.AnyTags) == 0 || hasTags(event, s.Correlations.AnyTags) > 0,
	} {
		if !ok {
			return false
		}
	}
	return true
}

// hasTags returns how many of the tags the event has.
func hasTags(event *bus.Event, tags bus.Metadata) int {
	n := 0
	for key, value := range tags {
		if got, ok := event.Correlation.Tags[key]; ok && got == value {
			n++
		}
	}
	return n
}

func anySelects(patterns []string, topic string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		return matches(strings.Split(meaning(pattern), "."), strings.Split(topic, "."))
	})
}

// meaning replaces the names of the older bus.
func meaning(pattern string) string {
	first, _, more := strings.Cut(pattern, ".")
	switch {
	case pattern == "control":
		return "control.+"
	case slices.Contains([]string{"events", "control", "+", "*", "#", ">"}, first):
		return pattern
	case !more && slices.Contains([]string{"process", "network", "filesystem", "performance"}, first):
		return "events." + pattern + ".+"
	}
	return "events." + pattern
}

// matches compares a pattern and a topic segment by segment.
func matches(pattern, topic []string) bool {
	switch {
	case len(pattern) == 0:
		return len(topic) == 0
	case pattern[0] == "#":
		return true
	case len(topic) == 0:
		return false
	case pattern[0] == ">":
		return true
	case pattern[0] == "+" || pattern[0] == "*" || pattern[0] == topic[0]:
		return matches(pattern[1:], topic[1:])
	}
	return false
}
