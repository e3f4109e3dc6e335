package bustest

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

var filterCases = []contractCase{
	{5, "filters", "A pattern matches AND the topic, event and correlation filters pass; OR in a list, AND between fields, exclude beats include.", filters},
	{5, "empty_fields_filter_nothing", "An empty filter field filters nothing.", emptyFilter},
	{5, "caller_may_reuse_its_lists", "A subscription does not change when the caller changes the lists it was made from.", filterCopied},
	{6, "patterns_follow_from_capabilities", "No patterns: they follow from the capabilities.", capabilities},
	{6, "everything_without_capabilities", "Neither patterns nor capabilities: events.#.", everything},
}

// A filterCase publishes both events, and only the first one may arrive.
type filterCase struct {
	name         string
	subscription bus.Subscription
	pass, hold   bus.Event
}

// with returns process(1) changed by edit.
func with(edit func(*bus.Event)) bus.Event {
	event := process(1)
	edit(&event)
	return event
}

func correlated(edit func(*bus.Correlation)) bus.Event {
	return with(func(e *bus.Event) {
		e.Correlation = bus.Correlation{ID: "id-1", RootID: "root-1", ParentID: "parent-1", Sequence: 5, Stage: "collect", Tags: bus.Metadata{"a": "1", "b": "2"}}
		edit(&e.Correlation)
	})
}

func trigger(p bus.Priority) bus.Event {
	return bus.Event{Payload: &bus.TriggerRequest{
		TriggerID: "t", TargetCollector: "c", AnalysisType: "x", CorrelationID: "c", TargetPID: new(uint32(1)), Priority: p, Timestamp: time.Now(),
	}}
}

func filterTable() []filterCase {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) bus.Event { return with(func(e *bus.Event) { e.Time = noon.Add(d) }) }
	source := func(s string) bus.Event { return with(func(e *bus.Event) { e.Source = s }) }
	network := bus.Event{Topic: subjects.ProcessTree, Payload: &bus.NetworkEvent{ConnectionID: "n", Timestamp: noon}}
	same := func(*bus.Correlation) {}
	on := func(topic string) bus.Event { return with(func(e *bus.Event) { e.Topic = topic }) }
	correlation := func(f bus.CorrelationFilter) bus.Subscription { return bus.Subscription{Correlations: f} }
	event := func(f bus.EventFilter) bus.Subscription { return bus.Subscription{Events: f} }
	return []filterCase{
		{"pattern", bus.Subscription{Patterns: []string{"events.process.+"}}, on(subjects.ProcessTree), on(subjects.NetworkDNS)},
		{"legacy pattern", bus.Subscription{Patterns: []string{"process"}}, on(subjects.ProcessTree), on("events.process.tree.deep")},
		{"include", bus.Subscription{Topics: bus.TopicFilter{Include: []string{"events.process.tree", "events.network.*"}}}, on(subjects.NetworkDNS), on(subjects.ProcessLifecycle)},
		{"exclude", bus.Subscription{Topics: bus.TopicFilter{Exclude: []string{"events.network.#"}}}, on(subjects.ProcessTree), on(subjects.NetworkDNS)},
		{
			"exclude beats include",
			bus.Subscription{Topics: bus.TopicFilter{Include: []string{"events.#"}, Exclude: []string{"events.process.tree"}}},
			on(subjects.ProcessLifecycle), on(subjects.ProcessTree),
		},
		{"types", event(bus.EventFilter{Types: []bus.EventType{bus.TypeFilesystem, bus.TypeProcess}}), process(1), network},
		{"pids", event(bus.EventFilter{PIDs: []uint32{9, 1}}), process(1), process(2)},
		{"pids of an event without one", event(bus.EventFilter{PIDs: []uint32{1}}), process(1), network},
		{"sources", event(bus.EventFilter{Sources: []string{"a", "b"}}), source("b"), source("c")},
		{"since", event(bus.EventFilter{Since: noon}), at(0), at(-1)},
		{"until", event(bus.EventFilter{Until: noon}), at(0), at(1)},
		{
			"min priority", bus.Subscription{Patterns: []string{"control.#"}, Events: bus.EventFilter{MinPriority: bus.PriorityHigh}},
			trigger(bus.PriorityCritical), trigger(bus.PriorityNormal),
		},
		{
			"events without a priority are normal", bus.Subscription{Patterns: []string{"#"}, Events: bus.EventFilter{MinPriority: bus.PriorityNormal}},
			process(1), trigger(bus.PriorityLow),
		},
		{
			"metadata of the envelope", event(bus.EventFilter{Metadata: bus.Metadata{"k": "v"}}),
			with(func(e *bus.Event) { e.Metadata = bus.Metadata{"k": "v", "l": "w"} }),
			with(func(e *bus.Event) { e.Metadata = bus.Metadata{"k": "w"} }),
		},
		{
			"metadata of the payload, all entries", event(bus.EventFilter{Metadata: bus.Metadata{"k": "v", "l": "w"}}),
			with(func(e *bus.Event) {
				e.Metadata = bus.Metadata{"k": "v"}
				e.Payload.(*bus.ProcessEvent).Metadata = bus.Metadata{"l": "w"}
			}),
			with(func(e *bus.Event) { e.Metadata = bus.Metadata{"k": "v"} }),
		},
		{"correlation id", correlation(bus.CorrelationFilter{IDs: []string{"x", "id-1"}}), correlated(same), correlated(func(c *bus.Correlation) { c.ID = "id-12" })},
		{"correlation id glob", correlation(bus.CorrelationFilter{IDs: []string{"i*-*"}}), correlated(same), correlated(func(c *bus.Correlation) { c.ID = "jd-1" })},
		{"parent glob", correlation(bus.CorrelationFilter{ParentIDs: []string{"*ent-1"}}), correlated(same), correlated(func(c *bus.Correlation) { c.ParentID = "" })},
		{"a glob ends where the value ends", correlation(bus.CorrelationFilter{ParentIDs: []string{"par*ent-1"}}), correlated(same), correlated(func(c *bus.Correlation) { c.ParentID = "parent-12" })},
		{"root", correlation(bus.CorrelationFilter{RootIDs: []string{"root-*"}}), correlated(same), correlated(func(c *bus.Correlation) { c.RootID = "r" })},
		{"stage", correlation(bus.CorrelationFilter{Stages: []string{"detect", "collect"}}), correlated(same), correlated(func(c *bus.Correlation) { c.Stage = "" })},
		{
			"required tags", correlation(bus.CorrelationFilter{RequiredTags: bus.Metadata{"a": "1", "b": "2"}}),
			correlated(same), correlated(func(c *bus.Correlation) { c.Tags = bus.Metadata{"a": "1", "b": "3"} }),
		},
		{
			"any tags", correlation(bus.CorrelationFilter{AnyTags: bus.Metadata{"a": "1", "z": "2"}}),
			correlated(same), correlated(func(c *bus.Correlation) { c.Tags = bus.Metadata{"z": "1"} }),
		},
		{"min sequence", correlation(bus.CorrelationFilter{MinSequence: 5}), correlated(same), correlated(func(c *bus.Correlation) { c.Sequence = 4 })},
		{"max sequence", correlation(bus.CorrelationFilter{MaxSequence: 5}), correlated(same), correlated(func(c *bus.Correlation) { c.Sequence = 6 })},
		{
			"between fields AND", bus.Subscription{Events: bus.EventFilter{PIDs: []uint32{1}, Sources: []string{"a"}}},
			source("a"), source("b"),
		},
		{
			"between filters AND",
			bus.Subscription{
				Patterns: []string{"process"}, Topics: bus.TopicFilter{Exclude: []string{"events.process.tree"}},
				Events: bus.EventFilter{PIDs: []uint32{1}}, Correlations: bus.CorrelationFilter{Stages: []string{"collect"}},
			},
			correlated(same), with(func(e *bus.Event) { e.Topic, e.Correlation.Stage = subjects.ProcessTree, "collect" }),
		},
	}
}

func filters(t *testing.T, open Opener) {
	for _, c := range filterTable() {
		t.Run(c.name, func(t *testing.T) {
			p := open(t, bus.Options{})
			c.subscription.ID = "s"
			r := subscribe(t, p.Subscriber, c.subscription)
			c.hold.ID, c.pass.ID = uuid.New(), uuid.New()
			// The one that may not arrive goes first: the order of events then shows that it did not.
			publish(t, p.Publisher, c.hold, c.pass)
			require.Equal(t, c.pass.ID, next(t, r).ID)
			require.Equal(t, uint64(1), r.Statistics().Matched)
		})
	}
}

func emptyFilter(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{
		ID: "s", Patterns: []string{"#"}, Topics: bus.TopicFilter{Include: []string{}, Exclude: []string{}},
		Events:       bus.EventFilter{Types: []bus.EventType{}, PIDs: []uint32{}, Metadata: bus.Metadata{}, Sources: []string{}},
		Correlations: bus.CorrelationFilter{IDs: []string{}, RequiredTags: bus.Metadata{}, AnyTags: bus.Metadata{}},
	})
	for _, payload := range examples() {
		publish(t, p.Publisher, bus.Event{Payload: payload})
		require.Equal(t, payload.Type(), next(t, r).Type())
	}
}

func filterCopied(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	types, tags := []bus.EventType{bus.TypeProcess}, bus.Metadata{"k": "v"}
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Events: bus.EventFilter{Types: types, Metadata: tags}})
	types[0] = bus.TypeNetwork
	tags["k"] = "w"
	publish(t, p.Publisher, with(func(e *bus.Event) { e.Metadata = bus.Metadata{"k": "v"} }))
	require.Equal(t, bus.TypeProcess, next(t, r).Type())
}

func capabilities(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{
		ID: "s", Capabilities: []bus.Capability{bus.CapabilityNetwork, bus.CapabilityRealtime, bus.CapabilityFilesystem},
	})
	publish(t, p.Publisher,
		on(subjects.ProcessLifecycle, process(1)), on(subjects.NetworkDNS, process(2)),
		on("events.network.a.b", process(3)), on(subjects.FilesystemAccess, process(4)),
	)
	for _, want := range []uint32{2, 4} {
		got, _ := next(t, r).PID()
		require.Equal(t, want, got)
	}
}

func everything(t *testing.T, open Opener) {
	for _, capabilities := range [][]bus.Capability{nil, {bus.CapabilityKernelLevel, bus.CapabilitySystemWide}} {
		p := open(t, bus.Options{})
		r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Capabilities: capabilities})
		publish(t, p.Publisher, on(subjects.ControlHealthStatus, process(1)), on("events.some.thing.else", process(2)))
		got, _ := next(t, r).PID()
		require.Equal(t, uint32(2), got)
	}
}
