package observe

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/daemoneye/eventbus/bus"
)

// module is where the version of this project is found in a program's build information.
const module = "github.com/daemoneye/eventbus"

// other is the label value of the sum over what has no series of its own.
const other = "other"

// descriptions are those of all metrics of a bus.
type descriptions struct {
	bus []busMetric

	build                                                          *prometheus.Desc
	matched, delivered, dropped, lost                              *prometheus.Desc
	queueDepth, queueCapacity, queueHighWater, queueLag, queueFull *prometheus.Desc
	circuitOpen, circuitOpenings                                   *prometheus.Desc
	unnamed                                                        *prometheus.Desc
	topicPublished                                                 *prometheus.Desc
	serverClients, serverSubscriptions, serverSlowClients          *prometheus.Desc
}

// busMetric is one that a snapshot has once.
type busMetric struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	value       func(*bus.Statistics) float64
}

func newDescriptions() descriptions {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
	}
	d := descriptions{
		build:               describe("build_info", "The version of the event bus in this process; always 1.", "version", "goversion"),
		matched:             describe("matched_events_total", "Events that passed the patterns and filters of the subscription.", "subscription"),
		delivered:           describe("delivered_events_total", "Events that the receiver has taken.", "subscription"),
		dropped:             describe("dropped_events_total", "Events that were discarded, by cause.", "subscription", "cause"),
		lost:                describe("lost_events_total", "Events on the subscription's topics that did not reach this process.", "subscription"),
		queueDepth:          describe("queue_depth_events", "Events that wait for the receiver.", "subscription"),
		queueCapacity:       describe("queue_capacity_events", "Events that can wait for the receiver.", "subscription"),
		queueHighWater:      describe("queue_high_water_events", "The most events that have waited at once.", "subscription"),
		queueLag:            describe("queue_lag_seconds", "How long the oldest waiting event has been on this bus.", "subscription"),
		queueFull:           describe("queue_full_seconds", "How long the receiver has kept its queue full.", "subscription"),
		circuitOpen:         describe("circuit_open", "1 while the circuit drops what comes, open or half-open; other: how many of them do.", "subscription"),
		circuitOpenings:     describe("circuit_openings_total", "How often the circuit has opened.", "subscription"),
		unnamed:             describe("unnamed_subscriptions", "Live subscriptions without series of their own, which are part of other."),
		topicPublished:      describe("topic_published_events_total", "Events that this bus has published on the topic.", "topic"),
		serverClients:       describe("server_clients", "Clients of the embedded server, without the bus of its process."),
		serverSubscriptions: describe("server_subscriptions", "Subscriptions at the embedded server, its own and those of buses included."),
		serverSlowClients:   describe("server_slow_clients_total", "Clients that the embedded server has disconnected because they did not read."),
	}
	counter := func(name, help string, value func(*bus.Statistics) uint64) {
		d.bus = append(d.bus, busMetric{describe(name, help), prometheus.CounterValue, func(s *bus.Statistics) float64 { return float64(value(s)) }})
	}
	gauge := func(name, help string, value func(*bus.Statistics) float64) {
		d.bus = append(d.bus, busMetric{describe(name, help), prometheus.GaugeValue, value})
	}
	counter("published_events_total", "Events that this bus has accepted from publishers.", func(s *bus.Statistics) uint64 { return s.Published })
	counter("published_bytes_total", "Their wire size, sent or not.", func(s *bus.Statistics) uint64 { return s.PublishedBytes })
	counter("received_events_total", "Events from other processes that somebody here has subscribed to.", func(s *bus.Statistics) uint64 { return s.Received })
	counter("received_bytes_total", "The bytes that they came in.", func(s *bus.Statistics) uint64 { return s.ReceivedBytes })
	counter("malformed_messages_total", "Messages from other processes that are no valid event.", func(s *bus.Statistics) uint64 { return s.Malformed })
	counter("forged_messages_total", "Messages from other processes in another's name, refused.", func(s *bus.Statistics) uint64 { return s.Forged })
	counter("stale_events_total", "Events that came after a later one of the same publisher and topic, not delivered.", func(s *bus.Statistics) uint64 { return s.Stale })
	counter("untracked_events_total", "Received events whose loss would not have been noticed.", func(s *bus.Statistics) uint64 { return s.Untracked })
	counter("overrun_messages_total", "Messages that came faster than they could be decoded, discarded.", func(s *bus.Statistics) uint64 { return s.Overruns })
	counter("unsent_events_total", "Events that somebody in another process wanted and that could not be sent.", func(s *bus.Statistics) uint64 { return s.Unsent })
	counter("forbidden_messages_total", "Messages that the server refused for want of permission.", func(s *bus.Statistics) uint64 { return s.Forbidden })
	counter("reconnects_total", "How often the connection to the server was found again.", func(s *bus.Statistics) uint64 { return s.Reconnects })
	gauge("connected", "1 while other processes can be reached; always on the local bus.", func(s *bus.Statistics) float64 { return truth(s.Connected) })
	gauge("disconnected_seconds", "How long ago the connection was lost, 0 while it is there.", func(s *bus.Statistics) float64 { return s.DisconnectedFor.Seconds() })
	gauge("shut_down", "1 once the bus is being shut down.", func(s *bus.Statistics) float64 { return truth(s.Closed) })
	gauge("subscriptions", "Live subscriptions.", func(s *bus.Statistics) float64 { return float64(s.ActiveSubscribers) })
	gauge("uptime_seconds", "How long ago the bus was made.", func(s *bus.Statistics) float64 { return s.Uptime.Seconds() })
	return d
}

// all returns the descriptions.
func (d *descriptions) all() []*prometheus.Desc {
	all := []*prometheus.Desc{
		d.build, d.matched, d.delivered, d.dropped, d.lost, d.queueDepth, d.queueCapacity, d.queueHighWater, d.queueLag, d.queueFull,
		d.circuitOpen, d.circuitOpenings, d.unnamed, d.topicPublished, d.serverClients, d.serverSubscriptions, d.serverSlowClients,
	}
	for _, m := range d.bus {
		all = append(all, m.description)
	}
	return all
}

// buildLabels returns the labels of build_info: the version that the go command has put into the program, which is a text to be parsed.
var buildLabels = sync.OnceValue(func() []string {
	version := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Path == module {
			version = info.Main.Version
		}
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				version = dependency.Version
			}
		}
	}
	return []string{cmp.Or(version, "unknown"), runtime.Version()}
})
