package bus

import "time"

// Statistics is a snapshot of a bus's counters since it was made. For each subscription, and in the sums over live and
// ended ones, Matched = Delivered + Dropped + Queued holds in every snapshot.
type Statistics struct {
	// Published counts the events that Publish accepted.
	Published uint64 `json:"published"`
	// Received counts the events that came from other processes.
	Received uint64 `json:"received"`
	// Matched, Delivered, Dropped, Queued and Lost sum up the subscriptions, live and ended.
	Matched   uint64 `json:"matched"`
	Delivered uint64 `json:"delivered"`
	Dropped   uint64 `json:"dropped"`
	Queued    uint64 `json:"queued"`
	// Lost counts events that the network lost on their way to this process.
	Lost uint64 `json:"lost"`
	// Malformed counts messages from other processes that are no valid event and were skipped.
	Malformed uint64 `json:"malformed"`

	// ActiveSubscribers is the number of live subscriptions.
	ActiveSubscribers int `json:"active_subscribers"`
	// Uptime is the time since the bus was made, in nanoseconds.
	Uptime time.Duration `json:"uptime_ns"`

	// Connected says whether other processes can be reached. On the local bus, which has none, it is true until Shutdown.
	Connected bool `json:"connected"`
	// Reconnects counts how often the connection to the server was found again.
	Reconnects uint64 `json:"reconnects"`

	// Subscriptions are the live subscriptions, ordered by ID.
	Subscriptions []SubscriptionStatistics `json:"subscriptions"`
}

// SubscriptionStatistics is a snapshot of a subscription's counters.
type SubscriptionStatistics struct {
	ID string `json:"id"`
	// Matched counts the events that passed patterns and filters: Delivered + Dropped + Queued.
	Matched uint64 `json:"matched"`
	// Delivered counts the events that the receiver has taken.
	Delivered uint64 `json:"delivered"`
	// Dropped counts the events that the overflow policy, a publisher's timeout or Shutdown discarded.
	Dropped uint64 `json:"dropped"`
	// Queued is the number of events that wait, of at most QueueCapacity.
	Queued        uint64 `json:"queued"`
	QueueCapacity int    `json:"queue_capacity"`
	// Overflow is the policy in force.
	Overflow OverflowPolicy `json:"overflow"`
}
