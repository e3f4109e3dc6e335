package bustest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

var publishCases = []contractCase{
	{1, "stamps_what_is_zero", "Publish stamps ID (UUIDv7), time, topic (from the event's type) and correlation ID.", stampsZero},
	{1, "keeps_what_is_set", "Publish keeps what the caller has set.", keepsSet},
	{2, "overlapping_patterns_deliver_once", "Nothing is delivered twice, also when several patterns of one subscription match.", deliversOnce},
	{2, "overlapping_subscriptions_get_one_each", "Each of several subscriptions gets an event once.", oneEach},
	{3, "fifo_across_topics", "One publisher's events reach each subscriber in the order of its Publish calls, across topics.", fifo},
	{4, "subscribe_then_publish", "An event published after Subscribe has returned is seen by that subscriber.", subscribeThenPublish},
	{12, "caller_keeps_its_envelope", "The envelope is copied: stamping never writes into the caller's value.", envelopeCopied},
	{12, "received_events_are_whole", "An event arrives with every field that it was published with.", arrivesWhole},
	{15, "flush", "Flush returns when all that was published before is queued in this process and taken by the server.", flushed},
}

// examples has one valid payload of each type and the topic that it belongs to.
func examples() map[string]bus.Payload {
	now := time.Now()
	return map[string]bus.Payload{
		subjects.ProcessLifecycle:       &bus.ProcessEvent{PID: 1, Name: "init", Timestamp: now},
		subjects.NetworkConnections:     &bus.NetworkEvent{ConnectionID: "c", Protocol: "tcp", Timestamp: now},
		subjects.FilesystemOperations:   &bus.FilesystemEvent{Path: "/etc/passwd", Operation: "write", Timestamp: now},
		subjects.PerformanceUtilization: &bus.PerformanceEvent{MetricName: "cpu", Value: 1.5, Timestamp: now},
		subjects.ControlTriggerRequest: &bus.TriggerRequest{
			TriggerID: "t", TargetCollector: "hasher", AnalysisType: bus.AnalysisBinaryHash, CorrelationID: "c",
			TargetPath: "/bin/true", Priority: bus.PriorityHigh, Timestamp: now,
		},
		subjects.ControlHealthStatus: &bus.HealthEvent{ID: "c-1", Status: bus.HealthHealthy, Timestamp: now},
	}
}

func stampsZero(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"#"}})
	for topic, payload := range examples() {
		before := time.Now()
		publish(t, p.Publisher, bus.Event{Payload: payload})
		event := next(t, r)
		require.Equal(t, uuid.Version(7), event.ID.Version())
		require.Equal(t, uuid.RFC4122, event.ID.Variant())
		require.WithinRange(t, event.Time, before.Add(-time.Millisecond), time.Now().Add(time.Millisecond))
		require.Equal(t, time.UTC, event.Time.Location())
		require.Equal(t, topic, event.Topic)
		require.NotEmpty(t, event.Correlation.ID)
		require.Equal(t, event.Correlation.ID, event.Correlation.RootID)
		require.NotZero(t, event.Publisher)
		require.Equal(t, uint64(1), event.Sequence)
	}
}

func keepsSet(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	sent := process(7)
	sent.ID = uuid.New()
	sent.Time = time.Date(2020, 2, 29, 12, 0, 0, 123456789, time.FixedZone("far", 5*3600))
	sent.Topic = subjects.ProcessTree
	sent.Source = "collector-1"
	sent.Correlation = bus.NewCorrelation().Child()
	sent.Metadata = bus.Metadata{"route": "a"}
	publish(t, p.Publisher, sent)
	got := next(t, r)
	require.Equal(t, sent.ID, got.ID)
	require.True(t, sent.Time.Equal(got.Time), "%s is not %s", got.Time, sent.Time)
	require.Equal(t, time.UTC, got.Time.Location())
	require.Equal(t, sent.Topic, got.Topic)
	require.Equal(t, sent.Source, got.Source)
	require.Equal(t, sent.Correlation, got.Correlation)
	require.Equal(t, sent.Metadata, got.Metadata)
}

func deliversOnce(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{
		"events.process.lifecycle", "events.process.+", "events.*.lifecycle", "events.#", "events.>", "#", "process", "events.process.lifecycle",
	}})
	publish(t, p.Publisher, processes(pids(1, 100))...)
	publish(t, p.Publisher, marker())
	require.Equal(t, pids(1, 100), untilMarker(t, r))
}

func oneEach(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	var receivers []bus.Receiver
	for i, pattern := range []string{"events.#", "events.process.+", "events.process.lifecycle", "+.process.*", "events.>"} {
		receivers = append(receivers, subscribe(t, p.Subscriber, bus.Subscription{ID: fmt.Sprint("s", i), Patterns: []string{pattern}}))
	}
	publish(t, p.Publisher, processes(pids(1, 100))...)
	publish(t, p.Publisher, marker())
	for _, r := range receivers {
		require.Equal(t, pids(1, 100), untilMarker(t, r), r.ID())
	}
}

func fifo(t *testing.T, open Opener) {
	const events = 2000
	p := open(t, bus.Options{QueueCapacity: events + 1})
	all := subscribe(t, p.Subscriber, bus.Subscription{ID: "all", Patterns: []string{"events.#"}})
	some := subscribe(t, p.Subscriber, bus.Subscription{ID: "some", Patterns: []string{"events.process.*", "events.network.dns", "events.x.y.z"}})
	topics := []string{subjects.ProcessLifecycle, subjects.NetworkDNS, subjects.ProcessTree, "events.x.y.z"}
	for i := range uint32(events) {
		publish(t, p.Publisher, on(topics[i%4], process(i+1)))
	}
	publish(t, p.Publisher, marker())
	require.Equal(t, pids(1, events), untilMarker(t, all))
	require.Equal(t, pids(1, events), untilMarker(t, some))
}

func subscribeThenPublish(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	patterns := []string{"events.process.lifecycle", "events.process.+", "events.#", "events.*.lifecycle"}
	for i := range uint32(100) {
		r := subscribe(t, p.Subscriber, bus.Subscription{ID: fmt.Sprint("s", i%10), Patterns: []string{patterns[i%4]}})
		publish(t, p.Publisher, process(i+1))
		pid, _ := next(t, r).PID()
		require.Equal(t, i+1, pid)
		require.NoError(t, p.Subscriber.Unsubscribe(background(t), r.ID()))
	}
}

func envelopeCopied(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	payload := &bus.ProcessEvent{PID: 1}
	mine := bus.Event{Payload: payload}
	publish(t, p.Publisher, mine, mine)
	require.Equal(t, bus.Event{Payload: payload}, mine)
	require.NotEqual(t, next(t, r).ID, next(t, r).ID, "two publishes of one value are two events")
}

func arrivesWhole(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"#"}})
	now := time.Now().Round(0).UTC()
	for _, payload := range []bus.Payload{
		&bus.ProcessEvent{
			PID: 4242, PPID: new(uint32(1)), Name: "näme", ExecutablePath: "/bin/x", CommandLine: []string{"x", "", "--flag"},
			StartTime: now.Add(-time.Hour), CPUUsage: new(0.0), MemoryUsage: new(uint64(1 << 40)), ExecutableHash: "abc", HashAlgorithm: "sha256",
			UserID: "0", Accessible: true, FileExists: true, Timestamp: now, Metadata: bus.Metadata{"action": "start"},
		},
		&bus.ProcessEvent{PID: 1, Name: "bare", Timestamp: now},
		&bus.NetworkEvent{
			ConnectionID: "c", Protocol: "tcp", LocalAddr: "[::1]:1", RemoteAddr: "[::1]:2", State: "established", PID: new(uint32(3)),
			BytesSent: new(uint64(0)), BytesReceived: new(uint64(9)), Timestamp: now,
		},
		&bus.FilesystemEvent{Path: "/p", Operation: "write", PID: new(uint32(3)), Size: new(uint64(0)), Permissions: "0644", FileHash: "h", Timestamp: now},
		&bus.PerformanceEvent{MetricName: "m", Value: -1.25, Unit: "percent", Component: "cpu0", PID: new(uint32(3)), Timestamp: now},
		&bus.TriggerRequest{
			TriggerID: "t", TargetCollector: "c", AnalysisType: "my_own", Priority: bus.PriorityCritical, TargetPID: new(uint32(9)), TargetPath: "/p",
			CorrelationID: "c", Metadata: bus.Metadata{"k": "v"}, Timestamp: now,
		},
		&bus.HealthEvent{
			ID: "c-1", Status: bus.HealthDegraded, Interval: 10 * time.Second, Published: 1 << 60, Dropped: 2, Lost: 3, Unsent: 4, Timestamp: now,
			Metadata: bus.Metadata{"k": "v"},
		},
	} {
		publish(t, p.Publisher, bus.Event{Payload: payload})
		require.Equal(t, payload, next(t, r).Payload)
	}
}

func flushed(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	publish(t, p.Publisher, processes(pids(1, 100))...)
	require.NoError(t, p.Publisher.Flush(background(t)))
	if !p.remote() {
		require.Equal(t, uint64(100), r.Statistics().Queued)
	}
	for pid := range uint32(100) {
		got, _ := next(t, r).PID()
		require.Equal(t, pid+1, got)
	}
}
