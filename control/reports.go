package control

import (
	"encoding/json"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// StatusRequest asks how a component is. It has no fields.
type StatusRequest struct{}

// StatusReport is how a component is.
type StatusReport struct {
	// ID is the component's name on topics.
	ID string `json:"id"`
	// Program is what runs, in Version, as process PID of Host since Started.
	Program string    `json:"program"`
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Started time.Time `json:"started"`
	// Publisher is that of the component's events: [bus.Statistics.Publisher].
	Publisher string `json:"publisher"`

	// Health is how it is, and Reasons why it is not healthy.
	Health  bus.Health `json:"health"`
	Reasons []string   `json:"reasons"`

	// Heartbeat is the interval of its heartbeats, in nanoseconds; 0 if it has none.
	Heartbeat time.Duration `json:"heartbeat_ns"`
	// Peers are the others whose heartbeats it has heard, by id, and PeersForgotten counts those that were too many to remember.
	Peers          []Peer `json:"peers"`
	PeersForgotten uint64 `json:"peers_forgotten,omitempty"`
	// PeersOmitted is how many more there are than this answer has room for.
	PeersOmitted int `json:"peers_omitted,omitempty"`
}

// Peer is another component, as its heartbeats tell.
type Peer struct {
	ID string `json:"id"`
	// Health is what its last heartbeat said, or [bus.HealthMissing] if three have not come.
	Health bus.Health `json:"health"`
	// LastHeard is when the last one came.
	LastHeard time.Time `json:"last_heard"`
	// Interval is the one that it has promised, in nanoseconds.
	Interval time.Duration `json:"interval_ns"`
	// Published, Dropped, Lost and Unsent are its counters as of the last one.
	Published uint64 `json:"published"`
	Dropped   uint64 `json:"dropped"`
	Lost      uint64 `json:"lost"`
	Unsent    uint64 `json:"unsent"`
}

// Bounds of a [DiagnosticsRequest].
const (
	DefaultRows = 100
	MaxRows     = 1000
)

// DiagnosticsRequest asks for counters.
type DiagnosticsRequest struct {
	// Subscriptions and Topics are how many of them are wanted, at most MaxRows; nil is DefaultRows.
	Subscriptions *int `json:"subscriptions,omitempty"`
	Topics        *int `json:"topics,omitempty"`
	// Sort says which ones come first; the zero value is SortByID.
	Sort Sort `json:"sort,omitempty"`
}

// Sort is an order of subscriptions: by ID, or the largest first. Topics are in the order of their names with SortByID, else the busiest
// first.
type Sort string

// The orders.
const (
	SortByID        Sort = "id"
	SortByMatched   Sort = "matched"
	SortByDelivered Sort = "delivered"
	SortByDropped   Sort = "dropped"
	SortByLost      Sort = "lost"
	SortByQueued    Sort = "queued"
	SortByLag       Sort = "lag"
)

// DiagnosticsReport is what a component counts.
type DiagnosticsReport struct {
	ID string `json:"id"`
	// Time is when the counters were read.
	Time time.Time `json:"time"`

	// Statistics are those of its bus. Subscriptions in them are those that were asked for and had room; the rest is in
	// SubscriptionsOmitted.
	Statistics           bus.Statistics        `json:"statistics"`
	SubscriptionsOmitted *OmittedSubscriptions `json:"subscriptions_omitted,omitempty"`

	// Topics are those on which its bus has published, if it counts them; the rest is in TopicsOmitted.
	Topics        []TopicCount   `json:"topics"`
	TopicsOmitted *OmittedTopics `json:"topics_omitted,omitempty"`

	// Server is what the server in its process counts, nil if there is none.
	Server *bus.ServerStatistics `json:"server,omitempty"`
	// Collectors are those that it runs.
	Collectors []CollectorStatistics `json:"collectors"`
}

// OmittedSubscriptions is the sum of the subscriptions that are not in a report.
type OmittedSubscriptions struct {
	Count     int    `json:"count"`
	Matched   uint64 `json:"matched"`
	Delivered uint64 `json:"delivered"`
	Dropped   uint64 `json:"dropped"`
	Lost      uint64 `json:"lost"`
	Queued    uint64 `json:"queued"`
}

// TopicCount is how many events a bus has published on a topic.
type TopicCount struct {
	Topic     string `json:"topic"`
	Published uint64 `json:"published"`
}

// OmittedTopics is the sum of the topics that are not in a report.
type OmittedTopics struct {
	Count     int    `json:"count"`
	Published uint64 `json:"published"`
}

// CollectorStatistics are the counters of one of a component's collectors.
type CollectorStatistics struct {
	Name string `json:"name"`
	// Scans is the number of completed scans, LastScan how long the last one took, in nanoseconds, and Interval the time between them, 0
	// if it has none.
	Scans    uint64        `json:"scans"`
	LastScan time.Duration `json:"last_scan_ns"`
	Interval time.Duration `json:"interval_ns,omitempty"`
	// Events is the number of events that the bus took, and Failed of those that it returned an error for.
	Events uint64 `json:"events"`
	Failed uint64 `json:"failed"`
}

// ConfigurationRequest asks for the effective configuration, and may change it before.
type ConfigurationRequest struct {
	// Set has values as JSON by their keys, such as {"log.level": "debug", "collect.process_interval": "2s"}.
	Set map[string]json.RawMessage `json:"set,omitempty"`
	// Keys are the settings that the answer should have, or tables of them such as log; empty are those of Set, or all.
	Keys []string `json:"keys,omitempty"`
}

// ConfigurationReport is a component's effective configuration.
type ConfigurationReport struct {
	ID string `json:"id"`
	// Changes has one entry for each key that was to be set, by key.
	Changes []Change `json:"changes,omitempty"`
	// Settings are those that were asked for, by key, after the changes.
	Settings []Setting `json:"settings"`
}

// Setting is one value of a configuration.
type Setting struct {
	Key string `json:"key"`
	// Value is the one in force: a text, a number, a boolean or a list of them. Durations and sizes are texts, as in a file.
	Value any `json:"value"`
	// Origin is where it comes from, empty if that is not known.
	Origin string `json:"origin,omitempty"`
	// Live says that it can be changed while the program runs.
	Live bool `json:"live"`
	// Pending is what the configuration says by now and the next start will use; nil if that is the value in force.
	Pending any `json:"pending,omitempty"`
}

// Result is what has become of a [Change].
type Result string

// The results.
const (
	Applied      Result = "applied"   // it is in force
	Unchanged    Result = "unchanged" // it was so already
	NeedsRestart Result = "restart"   // it can only be read at the start, so nothing has changed
	Refused      Result = "refused"   // Reason says why
)

// Change is what has become of a value that somebody wanted to set.
type Change struct {
	Key    string `json:"key"`
	Result Result `json:"result"`
	// Old and Value are the values before and after, of an applied change.
	Old    any    `json:"old,omitempty"`
	Value  any    `json:"value,omitempty"`
	Reason string `json:"reason,omitempty"`
}
