package bus

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Statistics is a snapshot of a bus's counters since it was made. For each subscription, and in the sums over live and
// ended ones, Matched = Delivered + Dropped + Queued holds in every snapshot.
type Statistics struct {
	// Publisher names this bus value: it is Event.Publisher of what it publishes.
	Publisher uuid.UUID `json:"publisher"`

	// Published counts the events that Publish accepted, and PublishedBytes their wire size as Event.Msgsize bounds it,
	// whether or not they went over a wire.
	Published      uint64 `json:"published"`
	PublishedBytes uint64 `json:"published_bytes"`
	// Received counts the events that came from other processes and that somebody here has subscribed to, and ReceivedBytes the
	// bytes that they came in.
	Received      uint64 `json:"received"`
	ReceivedBytes uint64 `json:"received_bytes"`

	// Matched, Delivered, Dropped, Queued, Lost and Drops sum up the subscriptions, live and ended.
	Matched   uint64 `json:"matched"`
	Delivered uint64 `json:"delivered"`
	Dropped   uint64 `json:"dropped"`
	Queued    uint64 `json:"queued"`
	Lost      uint64 `json:"lost"`
	Drops     Drops  `json:"drops"`

	// Malformed counts messages from other processes that are no valid event and were skipped. What nobody wants, be it by a
	// subscription, on the server's bus also in another process, or by a [Sampler], is not looked into and not counted.
	Malformed uint64 `json:"malformed"`
	// Forged counts messages from other processes in another's name that were refused: a source that is not their role's, or a
	// publisher that somebody else is.
	Forged uint64 `json:"forged"`
	// Stale counts events from other processes that came after a later one of the same publisher and topic. They are
	// duplicates, or were counted as lost already, and are not delivered.
	Stale uint64 `json:"stale"`
	// Untracked counts received events whose loss would not have been noticed, because they had no sequence number or
	// there were too many publishers and topics to remember.
	Untracked uint64 `json:"untracked"`
	// Overruns counts messages, each of one or several events, that came faster than they could be decoded and were discarded
	// undecoded. Numbered events in them are found and counted as lost as well.
	Overruns uint64 `json:"overruns"`
	// Unsent counts events that somebody in another process wanted and that were not sent, because they came faster than the server
	// in this process took them, or because sending failed: published ones, and in the server's process also those of others that
	// were to be passed on. Other buses find them missing by their numbers.
	Unsent uint64 `json:"unsent"`
	// Forbidden counts messages, each of one or several events, that the server refused, because this process's role or permissions do
	// not include their topic. Subscribers of this process got the events.
	Forbidden uint64 `json:"forbidden"`

	// ActiveSubscribers is the number of live subscriptions.
	ActiveSubscribers int `json:"active_subscribers"`
	// Uptime is the time since the bus was made, in nanoseconds.
	Uptime time.Duration `json:"uptime_ns"`

	// Connected says whether other processes can be reached. On the local bus, which has none, it is true until Shutdown.
	Connected bool `json:"connected"`
	// DisconnectedFor is how long ago the connection was lost, in nanoseconds; 0 while it is there, and after Shutdown.
	DisconnectedFor time.Duration `json:"disconnected_for_ns,omitempty"`
	// Reconnects counts how often the connection to the server was found again.
	Reconnects uint64 `json:"reconnects"`
	// Closed says that Shutdown has been called.
	Closed bool `json:"closed,omitempty"`

	// Subscriptions are the live subscriptions, ordered by ID.
	Subscriptions []SubscriptionStatistics `json:"subscriptions"`
}

// SubscriptionStatistics is a snapshot of a subscription's counters.
type SubscriptionStatistics struct {
	ID string `json:"id"`
	// Matched counts the events that passed patterns and filters: Delivered + Dropped + Queued.
	Matched uint64 `json:"matched"`
	// MatchedBytes is their wire size as Event.Msgsize bounds it.
	MatchedBytes uint64 `json:"matched_bytes"`
	// Delivered counts the events that the receiver has taken.
	Delivered uint64 `json:"delivered"`
	// Dropped counts the events that were discarded: the sum of Drops.
	Dropped uint64 `json:"dropped"`
	// Drops counts them by cause.
	Drops Drops `json:"drops"`
	// Lost counts the events on the subscription's topics that did not reach this process. They are not in Matched.
	Lost uint64 `json:"lost"`

	// Queued is the number of events that wait, of at most QueueCapacity.
	Queued        uint64 `json:"queued"`
	QueueCapacity int    `json:"queue_capacity"`
	// HighWater is the largest number of events that have waited at once.
	HighWater uint64 `json:"high_water"`
	// Lag is how long the oldest queued event has been on this bus, in nanoseconds; 0 if none is queued.
	Lag time.Duration `json:"lag_ns"`

	// Overflow is the policy in force.
	Overflow OverflowPolicy `json:"overflow"`
	// Circuit is the state of the circuit, and CircuitOpened counts how often it was closed and opened, under [BreakCircuit].
	Circuit       CircuitState `json:"circuit,omitempty"`
	CircuitOpened uint64       `json:"circuit_opened,omitempty"`

	// FullFor is how long the subscriber has kept its queue full, in nanoseconds: the time since an event found no room,
	// and 0 once the queue has been down to half.
	FullFor time.Duration `json:"full_for_ns"`
	// WaitsIn is where the receiver's goroutine was when the subscriber was last logged as slow; empty if it never was.
	WaitsIn string `json:"waits_in,omitempty"`
}

// Drops counts discarded events by cause.
type Drops struct {
	// Overflow is for want of room, under DropNewest and BreakCircuit: the event that came.
	Overflow uint64 `json:"overflow"`
	// Displaced is for want of room, under DropOldest: the oldest event, which made room.
	Displaced uint64 `json:"displaced"`
	// Timeout is under Block, when the publisher's wait for room ended.
	Timeout uint64 `json:"timeout"`
	// Remote is for want of room under Block, when the publisher is in another process and cannot wait.
	Remote uint64 `json:"remote"`
	// Circuit is under BreakCircuit, while the circuit was not closed.
	Circuit uint64 `json:"circuit"`
	// Shutdown is what was still queued when the context of Shutdown ended.
	Shutdown uint64 `json:"shutdown"`
}

// String returns the causes that there were, such as overflow=3 shutdown=1.
func (d Drops) String() string {
	var text []byte
	for _, cause := range []struct {
		name  string
		count uint64
	}{
		{"overflow", d.Overflow}, {"displaced", d.Displaced}, {"timeout", d.Timeout}, {"remote", d.Remote},
		{"circuit", d.Circuit}, {"shutdown", d.Shutdown},
	} {
		if cause.count > 0 {
			text = fmt.Appendf(text, " %s=%d", cause.name, cause.count)
		}
	}
	return strings.TrimPrefix(string(text), " ")
}

// Total returns the sum.
func (d Drops) Total() uint64 {
	return d.Overflow + d.Displaced + d.Timeout + d.Remote + d.Circuit + d.Shutdown
}

// Plus returns the sums, cause by cause.
func (d Drops) Plus(other Drops) Drops {
	return Drops{
		Overflow: d.Overflow + other.Overflow, Displaced: d.Displaced + other.Displaced, Timeout: d.Timeout + other.Timeout,
		Remote: d.Remote + other.Remote, Circuit: d.Circuit + other.Circuit, Shutdown: d.Shutdown + other.Shutdown,
	}
}

// Minus returns the differences, cause by cause; other is an earlier snapshot of the same counters.
func (d Drops) Minus(other Drops) Drops {
	return Drops{
		Overflow: d.Overflow - other.Overflow, Displaced: d.Displaced - other.Displaced, Timeout: d.Timeout - other.Timeout,
		Remote: d.Remote - other.Remote, Circuit: d.Circuit - other.Circuit, Shutdown: d.Shutdown - other.Shutdown,
	}
}
