package bustest

import (
	"encoding/binary"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// What the operations of Model are drawn from is little, so that it meets: few topics, patterns that overlap, IDs that are
// taken, queues that are full.

// modelIDs are more than may subscribe at once.
var modelIDs = []string{"a", "b", "c", "d", "e", "f"}

// modelTopics do not have the witness's among them. The empty one is that of the event's type.
var modelTopics = []string{
	"", subjects.ProcessLifecycle, subjects.ProcessTree, subjects.NetworkDNS, subjects.FilesystemAccess, subjects.ControlHealthStatus,
	"events.process", "events.process.tree.deep", "control.x.y.z.lifecycle",
}

var modelPatterns = []string{
	"events.#", "process", "#", "events.process.+", "events.process.lifecycle", "events.process.#", "events.process.>", "process.*",
	"network", "network.dns", "process.tree.#", "filesystem.>", "control", "control.*", "control.#", "+.*.lifecycle", "*.process.#",
	">", "events.+", "events.network.connections", "control.health.status", "control.+.+.+.+", "events.nobody.publishes",
}

// draw returns one of the values.
func draw[T any](rt *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(rt, label)
}

// index returns the index of one of n values.
func index(rt *rapid.T, label string, n int) int { return rapid.IntRange(0, n-1).Draw(rt, label) }

// some returns one or two of the values.
func some[T any](rt *rapid.T, label string, from ...T) []T {
	list := []T{draw(rt, label, from...)}
	if rapid.Bool().Draw(rt, "another "+label) {
		list = append(list, draw(rt, label, from...))
	}
	return list
}

// rarely is true in one of ten cases.
func rarely(rt *rapid.T, label string) bool { return rapid.IntRange(0, 9).Draw(rt, label) == 5 }

// subscription draws one that is well formed. Most have no filter or one, since little passes through several.
func subscription(rt *rapid.T) bus.Subscription {
	s := bus.Subscription{
		ID:            draw(rt, "id", modelIDs...),
		QueueCapacity: rapid.IntRange(0, 4).Draw(rt, "capacity"),
		Overflow: draw(rt, "overflow", bus.OverflowDefault, bus.Block, bus.BreakCircuit, bus.DropNewest, bus.BreakCircuit,
			bus.DropOldest, bus.BreakCircuit),
		CircuitBreak: bus.CircuitBreak{
			Overflows: rapid.IntRange(0, 3).Draw(rt, "overflows"), CoolDown: draw(rt, "cool-down", brief, brief, 0),
		},
	}
	switch draw(rt, "wants", "patterns", "patterns", "everything", "capabilities") {
	case "patterns":
		s.Patterns = some(rt, "pattern", modelPatterns...)
	case "capabilities":
		s.Capabilities = some(rt, "capability", bus.CapabilityProcess, bus.CapabilityNetwork, bus.CapabilityFilesystem,
			bus.CapabilityPerformance, bus.CapabilityRealtime)
	}
	filters := []func(){
		func() { s.Topics.Include = some(rt, "include", modelPatterns...) },
		func() { s.Topics.Exclude = some(rt, "exclude", modelPatterns...) },
		func() { s.Events.Types = some(rt, "type", bus.TypeProcess, bus.TypeNetwork, bus.TypeTrigger) },
		func() { s.Events.PIDs = some(rt, "pid", uint32(1), 2) },
		func() { s.Events.Sources = some(rt, "source", "a", "b") },
		func() { s.Correlations.Stages = some(rt, "stage", "collect", "detect") },
		func() { s.Correlations.RequiredTags = tags(rt) },
		func() { s.Correlations.AnyTags = tags(rt) },
	}
	for range draw(rt, "filters", 0, 0, 1, 1, 2) {
		filters[index(rt, "filter", len(filters))]()
	}
	return s
}

// tags draws one or two.
func tags(rt *rapid.T) bus.Metadata {
	out := bus.Metadata{}
	for _, key := range some(rt, "tag", "a", "b") {
		out[key] = draw(rt, "value", "1", "2")
	}
	return out
}

// spoil makes a subscription break a rule.
func spoil(rt *rapid.T, s *bus.Subscription) {
	mistakes := []func(){
		func() { s.ID = "" },
		func() { s.Patterns = append(s.Patterns, "") },
		func() { s.Patterns = append(s.Patterns, "events.#.x") },
		func() { s.Patterns = append(s.Patterns, "system.x") },
		func() { s.NoWildcards, s.Patterns = true, append(s.Patterns, "network") },
		func() { s.Capabilities = append(s.Capabilities, "psychic") },
		func() { s.Topics.Include = append(s.Topics.Include, "a..b") },
		func() { s.Topics.Exclude = append(s.Topics.Exclude, "events.proc*") },
		func() { s.Events.MinPriority = "urgent" },
		func() { s.QueueCapacity = -1 },
		func() { s.Overflow = 99 },
		func() { s.CircuitBreak.Overflows = -1 },
	}
	mistakes[index(rt, "mistake", len(mistakes))]()
}

// event draws a valid event.
func (m *machine) event(rt *rapid.T) bus.Event {
	pid := draw(rt, "pid", uint32(1), 2, 3)
	event := bus.Event{Topic: draw(rt, "topic", modelTopics...), Source: draw(rt, "source", "", "a", "b")}
	event.Correlation.Stage = draw(rt, "stage", "", "collect", "detect")
	if rapid.Bool().Draw(rt, "has tags") {
		event.Correlation.Tags = tags(rt)
	}
	switch draw(rt, "type", bus.TypeProcess, bus.TypeNetwork, bus.TypeFilesystem, bus.TypePerformance, bus.TypeHealth, bus.TypeTrigger) {
	case bus.TypeProcess:
		event.Payload = &bus.ProcessEvent{PID: pid, Name: "p", Timestamp: modelTime}
	case bus.TypeNetwork:
		event.Payload = &bus.NetworkEvent{ConnectionID: "n", Timestamp: modelTime}
	case bus.TypeFilesystem:
		event.Payload = &bus.FilesystemEvent{Path: "/f", PID: &pid, Timestamp: modelTime}
	case bus.TypePerformance:
		event.Payload = &bus.PerformanceEvent{MetricName: "m", PID: &pid, Timestamp: modelTime}
	case bus.TypeHealth:
		event.Payload = &bus.HealthEvent{ID: "c", Status: bus.HealthHealthy, Timestamp: modelTime}
	default:
		event.Payload = &bus.TriggerRequest{
			TriggerID: "t", TargetCollector: "c", AnalysisType: bus.AnalysisYARA, CorrelationID: "c", TargetPID: &pid, Timestamp: modelTime,
		}
	}
	return m.stamped(event)
}

// spoilEvent makes an event break a rule.
func spoilEvent(rt *rapid.T, e *bus.Event) {
	mistakes := []func(){
		func() { e.Payload = nil },
		func() { e.Payload = (*bus.NetworkEvent)(nil) },
		func() { e.Topic = "events" },
		func() { e.Topic = "events.process.+" },
		func() { e.Topic = "process" },
		func() { e.Source = strings.Repeat("x", bus.MaxSourceLength+1) },
		func() { e.Correlation.Stage = strings.Repeat("x", bus.MaxCorrelationStage+1) },
		func() { e.Payload = &bus.ProcessEvent{PID: 1, ExecutableHash: "abc"} },
	}
	mistakes[index(rt, "mistake", len(mistakes))]()
}

var modelTime = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// stamped fills in what Publish would make up, so that it is known.
func (m *machine) stamped(event bus.Event) bus.Event {
	m.events++
	binary.BigEndian.PutUint64(event.ID[8:], m.events)
	event.Time = modelTime
	event.Correlation.ID, event.Correlation.RootID = "step", "root"
	return event
}
