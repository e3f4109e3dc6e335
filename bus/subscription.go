package bus

import "time"

// Capability is a kind of event that a subscriber can handle. Without patterns of its own, a subscription's patterns follow
// from its capabilities.
type Capability string

// The capabilities. The first four stand for a domain of topics; the others say how a collector works, and have no topics.
const (
	CapabilityProcess     Capability = "process"
	CapabilityNetwork     Capability = "network"
	CapabilityFilesystem  Capability = "filesystem"
	CapabilityPerformance Capability = "performance"
	CapabilityRealtime    Capability = "realtime"
	CapabilityKernelLevel Capability = "kernel_level"
	CapabilitySystemWide  Capability = "system_wide"
)

// Patterns returns the topic patterns that a capability stands for. ok is false for a capability that does not exist.
func (c Capability) Patterns() (patterns []string, ok bool) {
	switch c {
	case CapabilityProcess, CapabilityNetwork, CapabilityFilesystem, CapabilityPerformance:
		return []string{"events." + string(c) + ".+"}, true
	case CapabilityRealtime, CapabilityKernelLevel, CapabilitySystemWide:
		return nil, true
	}
	return nil, false
}

// MaxSubscriberID bounds the ID of a subscription, in bytes.
const MaxSubscriberID = 256

// Subscription says what a subscriber wants: an event is seen when a pattern matches its topic and Topics, Events and
// Correlations let it pass. Within a list one match is enough, all fields have to agree, exclusion beats inclusion, and an
// empty field filters nothing.
type Subscription struct {
	// ID names the subscriber: 1 to MaxSubscriberID bytes, unique among the live subscriptions of a bus value.
	ID string
	// Patterns are topic patterns (package subjects). If there are none they follow from Capabilities, and are events.#
	// if these give none either.
	Patterns []string
	// Capabilities say what the subscriber handles.
	Capabilities []Capability
	// NoWildcards makes a pattern with a wildcard an error, for subscribers that mean exact topics.
	NoWildcards bool

	Topics       TopicFilter
	Events       EventFilter
	Correlations CorrelationFilter

	// QueueCapacity is the number of events that wait for the receiver, 1 to MaxQueueCapacity; 0 is the bus's
	// Options.QueueCapacity.
	QueueCapacity int
	// Overflow is what happens when the queue is full; the zero value is the bus's Options.Overflow.
	Overflow OverflowPolicy
	// CircuitBreak sets the thresholds of the circuit-break policy; zero fields are those of Options.CircuitBreak.
	CircuitBreak CircuitBreak

	// Notify is called with what the subscriber missed and with changes of its circuit, if it is not nil; see [Notice].
	Notify func(Notice)
}

// TopicFilter narrows the topics further. The entries are patterns.
type TopicFilter struct {
	Include []string
	Exclude []string
}

// EventFilter looks at the event.
type EventFilter struct {
	Types []EventType
	// PIDs keeps events about one of these processes.
	PIDs []uint32
	// MinPriority keeps events of that priority or higher. Only trigger requests have one, all others count as normal.
	MinPriority Priority
	// Metadata keeps events that have each of these entries, in the envelope or in the payload.
	Metadata Metadata
	Sources  []string
	// Since and Until bound the event's time; both ends belong to the range.
	Since, Until time.Time
}

// CorrelationFilter looks at the event's correlation. In IDs, ParentIDs and RootIDs a '*' stands for any text, also none.
type CorrelationFilter struct {
	IDs       []string
	ParentIDs []string
	RootIDs   []string
	Stages    []string
	// RequiredTags must all be there with these values, of AnyTags at least one.
	RequiredTags Metadata
	AnyTags      Metadata
	// MinSequence and MaxSequence bound the correlation's sequence number, both included; a MaxSequence of 0 is no bound.
	MinSequence, MaxSequence uint64
}
