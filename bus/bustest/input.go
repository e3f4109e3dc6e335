package bustest

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

var inputCases = []contractCase{
	{16, "bad_events", "A bad event gives a typed error that names the field and the value, and nobody gets it.", badEvents},
	{16, "bad_subscriptions", "A bad subscription gives a typed error that names the field and the value.", badSubscriptions},
	{16, "size_limit", "An event's size is its wire size, and is checked alike on every bus.", sizeLimit},
	{17, "cancelled_context", "A cancelled context is returned as such, and leaves no half-made subscription behind.", cancelled},
	{18, "unknown_type_is_raw", "An event type that this version does not know arrives as a raw event with its bytes intact.", rawEvent},
}

// badInput is an input and the field and value that its error has to name.
type badInput[T any] struct {
	name, field, value string
	input              T
}

func requireInvalid(t *testing.T, err error, field, value string) {
	t.Helper()
	require.ErrorIs(t, err, bus.ErrInvalid)
	invalid, ok := errors.AsType[*bus.InvalidError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, field, invalid.Field)
	require.Contains(t, invalid.Value, value)
	require.ErrorContains(t, err, field)
}

func badEvents(t *testing.T, open Opener) {
	process := func(edit func(*bus.ProcessEvent)) bus.Event {
		payload := &bus.ProcessEvent{PID: 1}
		edit(payload)
		return bus.Event{Payload: payload}
	}
	request := func(edit func(*bus.TriggerRequest)) bus.Event {
		event := trigger(bus.PriorityHigh)
		edit(event.Payload.(*bus.TriggerRequest))
		return event
	}
	topic := func(topic string) bus.Event { return bus.Event{Topic: topic, Payload: &bus.ProcessEvent{PID: 1}} }
	tooMany := bus.Metadata{}
	for range 101 {
		tooMany[uuid.NewString()] = ""
	}
	table := []badInput[bus.Event]{
		{"no payload", "payload", "nil", bus.Event{}},
		{"nil process", "payload", "nil", bus.Event{Payload: (*bus.ProcessEvent)(nil)}},
		{"nil trigger", "payload", "nil", bus.Event{Payload: (*bus.TriggerRequest)(nil)}},
		{"nil raw", "payload", "nil", bus.Event{Payload: (*bus.Raw)(nil)}},
		{"topic of one segment", "topic", "events", topic("events")},
		{"topic of six segments", "topic", "events.a.b.c.d.e", topic("events.a.b.c.d.e")},
		{"topic with a wildcard", "topic", "events.process.*", topic("events.process.*")},
		{"topic with an empty segment", "topic", "events..x", topic("events..x")},
		{"topic in upper case", "topic", "events.Process", topic("events.Process")},
		{"topic in a foreign domain", "topic", "other.x", topic("other.x")},
		{"reserved topic", "topic", "system.x", topic("system.x")},
		{"topic with a space", "topic", "events.a b", topic("events.a b")},
		{"legacy name as a topic", "topic", "process", topic("process")},
		{"hash without algorithm", "payload.executable_hash", "abc", process(func(p *bus.ProcessEvent) { p.ExecutableHash = "abc" })},
		{"algorithm without hash", "payload.executable_hash", "", process(func(p *bus.ProcessEvent) { p.HashAlgorithm = "sha256" })},
		{"not a number", "payload.cpu_usage", "NaN", process(func(p *bus.ProcessEvent) { p.CPUUsage = new(math.NaN()) })},
		{"infinite value", "payload.value", "+Inf", bus.Event{Payload: &bus.PerformanceEvent{Value: math.Inf(1)}}},
		{"year 20000", "payload.timestamp", "", process(func(p *bus.ProcessEvent) { p.Timestamp = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC) })},
		{"trigger without id", "payload.trigger_id", "", request(func(r *bus.TriggerRequest) { r.TriggerID = "" })},
		{"trigger without target", "payload.target_collector", "", request(func(r *bus.TriggerRequest) { r.TargetCollector = "" })},
		{"trigger without correlation", "payload.correlation_id", "", request(func(r *bus.TriggerRequest) { r.CorrelationID = "" })},
		{"trigger without pid or path", "payload.target_path", "", request(func(r *bus.TriggerRequest) { r.TargetPID = nil })},
		{"trigger of odd priority", "payload.priority", "urgent", request(func(r *bus.TriggerRequest) { r.Priority = "urgent" })},
		{"trigger with 101 entries", "payload.metadata", "101", request(func(r *bus.TriggerRequest) { r.Metadata = tooMany })},
		{"nil health", "payload", "nil", bus.Event{Payload: (*bus.HealthEvent)(nil)}},
		{"health of nobody", "payload.id", "", bus.Event{Payload: &bus.HealthEvent{Status: bus.HealthHealthy}}},
		{"odd health", "payload.status", "fine", bus.Event{Payload: &bus.HealthEvent{ID: "c", Status: "fine"}}},
		{"interval below zero", "payload.interval_ns", "-1ns", bus.Event{Payload: &bus.HealthEvent{ID: "c", Status: bus.HealthHealthy, Interval: -1}}},
		{"raw without topic", "topic", "", bus.Event{Payload: &bus.Raw{Name: "mine", Data: []byte{0xc0}}}},
		{"raw of a known type", "type", "process", bus.Event{Topic: subjects.ProcessTree, Payload: &bus.Raw{Name: "process", Data: []byte{0xc0}}}},
		{"raw without name", "type", "", bus.Event{Topic: subjects.ProcessTree, Payload: &bus.Raw{Data: []byte{0xc0}}}},
		{"raw that is cut off", "payload", "da", bus.Event{Topic: subjects.ProcessTree, Payload: &bus.Raw{Name: "mine", Data: []byte{0xda, 9}}}},
		{"raw of two values", "payload", "c0c0", bus.Event{Topic: subjects.ProcessTree, Payload: &bus.Raw{Name: "mine", Data: []byte{0xc0, 0xc0}}}},
		{"correlation id too long", "correlation.correlation_id", "xxx", with(func(e *bus.Event) { e.Correlation.ID = strings.Repeat("x", 257) })},
		{"stage too long", "correlation.stage", "xxx", with(func(e *bus.Event) { e.Correlation.Stage = strings.Repeat("x", 129) })},
		{"too many tags", "correlation.tags", "101", with(func(e *bus.Event) { e.Correlation.Tags = tooMany })},
		{"tag key too long", "correlation.tags key", "xxx", with(func(e *bus.Event) { e.Correlation.Tags = bus.Metadata{strings.Repeat("x", 129): ""} })},
		{"tag value too long", "correlation.tags.k", "xxx", with(func(e *bus.Event) { e.Correlation.Tags = bus.Metadata{"k": strings.Repeat("x", 1025)} })},
		{"source too long", "source", "xxx", with(func(e *bus.Event) { e.Source = strings.Repeat("x", 257) })},
	}
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"#"}})
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			requireInvalid(t, p.Publisher.Publish(background(t), c.input), c.field, c.value)
		})
	}
	publish(t, p.Publisher, marker())
	require.Empty(t, untilMarker(t, r))
	require.Equal(t, uint64(1), p.Publisher.Statistics().Published)
}

func badSubscriptions(t *testing.T, open Opener) {
	sub := func(edit func(*bus.Subscription)) bus.Subscription {
		s := bus.Subscription{ID: "s"}
		edit(&s)
		return s
	}
	noon := time.Now()
	table := []badInput[bus.Subscription]{
		{"no id", "id", "", bus.Subscription{}},
		{"id too long", "id", "xxx", bus.Subscription{ID: strings.Repeat("x", 257)}},
		{"empty pattern", "patterns", "", sub(func(s *bus.Subscription) { s.Patterns = []string{"events.#", ""} })},
		{"# in the middle", "patterns", "events.#.x", sub(func(s *bus.Subscription) { s.Patterns = []string{"events.#.x"} })},
		{"part of a segment", "patterns", "events.proc*", sub(func(s *bus.Subscription) { s.Patterns = []string{"events.proc*"} })},
		{"reserved", "patterns", "system.x", sub(func(s *bus.Subscription) { s.Patterns = []string{"system.x"} })},
		{"include", "topics.include", "a..b", sub(func(s *bus.Subscription) { s.Topics.Include = []string{"a..b"} })},
		{"exclude", "topics.exclude", "a..b", sub(func(s *bus.Subscription) { s.Topics.Exclude = []string{"a..b"} })},
		{"wildcard in a literal subscription", "patterns", "events.#", sub(func(s *bus.Subscription) { s.NoWildcards, s.Patterns = true, []string{"events.#"} })},
		{"capability", "capabilities", "magic", sub(func(s *bus.Subscription) { s.Capabilities = []bus.Capability{"magic"} })},
		{"capacity below zero", "queue_capacity", "-1", sub(func(s *bus.Subscription) { s.QueueCapacity = -1 })},
		{"capacity too large", "queue_capacity", "1048577", sub(func(s *bus.Subscription) { s.QueueCapacity = bus.MaxQueueCapacity + 1 })},
		{"policy", "overflow", "99", sub(func(s *bus.Subscription) { s.Overflow = 99 })},
		{"priority", "events.min_priority", "urgent", sub(func(s *bus.Subscription) { s.Events.MinPriority = "urgent" })},
		{"time range", "events.until", "", sub(func(s *bus.Subscription) { s.Events.Since, s.Events.Until = noon, noon.Add(-1) })},
		{"sequence range", "correlations.max_sequence", "1", sub(func(s *bus.Subscription) { s.Correlations.MinSequence, s.Correlations.MaxSequence = 2, 1 })},
	}
	p := open(t, bus.Options{})
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			r, err := p.Subscriber.Subscribe(background(t), c.input)
			require.Nil(t, r)
			requireInvalid(t, err, c.field, c.value)
		})
	}
	require.Zero(t, p.Subscriber.Statistics().ActiveSubscribers)
}

func sizeLimit(t *testing.T, open Opener) {
	const limit = 2048
	p := open(t, bus.Options{MaxEventSize: limit})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	event := process(1)
	// The bus adds what Publish stamps; the path takes the rest of the limit.
	event.Topic, event.ID, event.Correlation = subjects.ProcessLifecycle, uuid.New(), bus.Correlation{ID: "c", RootID: "c"}
	payload := event.Payload.(*bus.ProcessEvent)
	payload.ExecutablePath = "x"
	payload.ExecutablePath = strings.Repeat("x", limit-event.Msgsize()+1)
	require.Equal(t, limit, event.Msgsize())
	publish(t, p.Publisher, event)
	require.Equal(t, payload.ExecutablePath, next(t, r).Payload.(*bus.ProcessEvent).ExecutablePath)

	larger := *payload
	larger.ExecutablePath += "x"
	event.Payload = &larger
	err := p.Publisher.Publish(background(t), event)
	requireInvalid(t, err, "event", "2049 bytes")
	require.ErrorIs(t, err, bus.ErrTooLarge)
}

func cancelled(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "first"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, p.Publisher.Publish(ctx, process(1)), context.Canceled)
	require.ErrorIs(t, p.Publisher.Flush(ctx), context.Canceled)
	_, err := r.Next(ctx)
	require.ErrorIs(t, err, context.Canceled)
	none, err := p.Subscriber.Subscribe(ctx, bus.Subscription{ID: "second"})
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, none)
	require.Equal(t, 1, p.Subscriber.Statistics().ActiveSubscribers)
	subscribe(t, p.Subscriber, bus.Subscription{ID: "second"})
	publish(t, p.Publisher, marker())
	require.Empty(t, untilMarker(t, r), "what was refused was not published")

	waiting, stop := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		_, err := r.Next(waiting)
		result <- err
	}()
	stop()
	require.ErrorIs(t, <-result, context.Canceled)
}

func rawEvent(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Events: bus.EventFilter{Types: []bus.EventType{"usb.plug-2"}}})
	// {"port": 3, "odd": ext(5, "ab")}, in bytes that no encoder of ours would choose for the 3.
	data := []byte{0x82, 0xa4, 'p', 'o', 'r', 't', 0xcd, 0, 3, 0xa3, 'o', 'd', 'd', 0xc7, 2, 5, 'a', 'b'}
	publish(t, p.Publisher, process(1), bus.Event{Topic: "events.usb.plugged", Payload: &bus.Raw{Name: "usb.plug-2", Data: data}})
	event := next(t, r)
	require.Equal(t, &bus.Raw{Name: "usb.plug-2", Data: data}, event.Payload)
}
