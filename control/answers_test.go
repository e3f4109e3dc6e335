package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/natsbus"
	"github.com/daemoneye/eventbus/subjects"
)

func TestStatusSaysWhoItIsAndHow(t *testing.T) {
	b := local(t)
	var broken atomic.Bool
	serve(t, b, control.Options{
		ID: "c-1", Program: "collector", Version: "v1.2.3", Heartbeat: 7 * time.Second, Reasons: func() []string {
			if broken.Load() {
				return []string{"the disk is full"}
			}
			return nil
		},
	})
	for _, id := range []string{"", "c-1"} {
		status, err := control.Status(background(t), b, id)
		require.NoError(t, err)
		host, err := os.Hostname()
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), status.Started, patience)
		status.Started = time.Time{}
		require.Equal(t, control.StatusReport{
			ID: "c-1", Program: "collector", Version: "v1.2.3", PID: os.Getpid(), Host: host, Publisher: b.Statistics().Publisher.String(),
			Health: bus.HealthHealthy, Reasons: []string{}, Heartbeat: 7 * time.Second, Peers: []control.Peer{},
		}, status)
	}
	broken.Store(true)
	status, err := control.Status(background(t), b, "c-1")
	require.NoError(t, err)
	require.Equal(t, bus.HealthDegraded, status.Health)
	require.Equal(t, []string{"the disk is full"}, status.Reasons)
}

func TestAStoppingComponentSaysSo(t *testing.T) {
	b := local(t)
	s := serve(t, b, control.Options{ID: "c-1"})
	s.Stopping()
	status, err := control.Status(background(t), b, "c-1")
	require.NoError(t, err)
	require.Equal(t, bus.HealthStopping, status.Health)
}

func TestNobodyAnswersUnderAnotherIDOrAfterTheEnd(t *testing.T) {
	b := local(t)
	s := serve(t, b, control.Options{ID: "c-1"})
	_, err := control.Status(background(t), b, "c-2")
	require.ErrorIs(t, err, bus.ErrNoResponders)
	_, err = control.Status(background(t), b, "c.1")
	malformed, ok := errors.AsType[*subjects.Error](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, malformed.Error(), "c.1")
	_, err = control.Configuration(background(t), b, "")
	require.ErrorIs(t, err, bus.ErrNoResponders, "it has no configuration")
	s.Stop()
	_, err = control.Status(background(t), b, "")
	require.ErrorIs(t, err, bus.ErrNoResponders)
	require.Zero(t, b.Statistics().ActiveSubscribers, "it leaves nothing behind")
	s.Stop()
}

func TestEverybodyIsAsked(t *testing.T) {
	b := local(t)
	serve(t, b, control.Options{ID: "c-1"})
	serve(t, b, control.Options{ID: "c-2"})
	_, err := control.Serve(background(t), b, control.Options{ID: "c-1"})
	require.ErrorIs(t, err, bus.ErrDuplicateSubscriber)
	require.Equal(t, 2, b.Statistics().ActiveSubscribers, "the first one still hears the others")
	// Others, as they could be in another process.
	stop, err := b.Respond(background(t), subjects.ControlHealthStatus, func(context.Context, bus.Request) ([]byte, error) {
		return []byte(`{"id":"c-3","of_a_newer_version":[1]}`), nil
	})
	require.NoError(t, err)
	t.Cleanup(stop)
	garbage, err := b.Respond(background(t), subjects.ControlHealthStatus, func(context.Context, bus.Request) ([]byte, error) {
		return []byte(`pong`), nil
	})
	require.NoError(t, err)
	t.Cleanup(garbage)
	var ids []string
	var errs []error
	for status, err := range control.Statuses(background(t), b) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ids = append(ids, status.ID)
	}
	slices.Sort(ids)
	require.Equal(t, []string{"c-1", "c-2", "c-3"}, ids)
	require.Len(t, errs, 1)
	malformed, ok := errors.AsType[*control.AnswerError](errs[0])
	require.True(t, ok, "%v", errs[0])
	require.Equal(t, subjects.ControlHealthStatus, malformed.Topic)
}

func TestMalformedRequestsAreRefusedByName(t *testing.T) {
	b := local(t)
	serve(t, b, control.Options{ID: "c-1", Settings: &fakeSettings{}})
	for _, tt := range []struct{ topic, data, reason string }{
		{subjects.ControlHealthStatus, `{"verbose":true}`, `unknown field "verbose"`},
		{subjects.ControlHealthStatus, `{} {}`, "behind"},
		{subjects.ControlHealthStatus, `pong`, "invalid character"},
		{subjects.ControlHealthDiagnostics, `{"subscriptions":-1}`, "subscriptions: -1: must be 0 to 1000"},
		{subjects.ControlHealthDiagnostics, `{"topics":1001}`, "topics: 1001: must be 0 to 1000"},
		{subjects.ControlHealthDiagnostics, `{"topics":"all"}`, "topics"},
		{subjects.ControlHealthDiagnostics, `{"sort":"size"}`, `sort: "size": must be id`},
		{subjects.ControlCollectorConfig, `{"keys":["a.b","a.d"]}`, `keys: "a.d": there is no such setting`},
		{subjects.ControlCollectorConfig, `{"get":"log.level"}`, `unknown field "get"`},
	} {
		_, err := bus.Ask(background(t), b, tt.topic, []byte(tt.data))
		refused, ok := errors.AsType[*bus.RequestError](err)
		require.True(t, ok, "%s %s: %v", tt.topic, tt.data, err)
		require.Equal(t, bus.CodeBadRequest, refused.Code)
		require.Contains(t, refused.Reason, tt.reason)
	}
	for _, data := range []string{"", " ", "{}", "null"} {
		_, err := bus.Ask(background(t), b, subjects.ControlHealthStatus, []byte(data))
		require.NoError(t, err, data)
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	for field, o := range map[string]control.Options{
		"id":         {},
		"heartbeat":  {ID: "c", Heartbeat: time.Millisecond},
		"max_answer": {ID: "c", MaxAnswer: 1},
	} {
		_, err := control.Serve(t.Context(), local(t), o)
		invalid, ok := errors.AsType[*bus.InvalidError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, field, invalid.Field)
	}
	for _, id := range []string{"A", "a.b", "a b", "+", "ä", strings.Repeat("a", 65)} {
		require.ErrorIs(t, control.CheckID(id), bus.ErrInvalid, "%q", id)
	}
	require.NoError(t, control.CheckID(control.DefaultID("Prog ram")))
	require.NoError(t, control.CheckID(control.DefaultID(strings.Repeat("é", 100))))
	s := serve(t, local(t), control.Options{ID: "c"})
	require.ErrorIs(t, s.SetHeartbeat(-time.Second), bus.ErrInvalid)
}

// TestServeFailsAsAWhole has a bus that is closed, and one without requests.
func TestServeFailsAsAWhole(t *testing.T) {
	b := local(t)
	shutdown(b)
	_, err := control.Serve(background(t), b, control.Options{ID: "c"})
	require.ErrorIs(t, err, bus.ErrClosed)
	plain := local(t)
	_, err = control.Serve(background(t), struct{ bus.Bus }{plain}, control.Options{ID: "c"})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.Zero(t, plain.Statistics().ActiveSubscribers)
	_, err = control.Status(background(t), struct{ bus.Bus }{plain}, "")
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

func TestDiagnosticsAreBoundedAndSaySo(t *testing.T) {
	b := local(t)
	serve(t, b, control.Options{ID: "c-1", MaxAnswer: 64 << 10, Collectors: func() []control.CollectorStatistics {
		return []control.CollectorStatistics{{Name: "process", Scans: 3, Events: 7, Failed: 1, LastScan: time.Millisecond, Interval: time.Second}}
	}})
	const subscriptions, topics = 300, 700
	long := strings.Repeat("x", 40)
	for i := range subscriptions {
		_, err := b.Subscribe(background(t), bus.Subscription{
			ID: fmt.Sprintf("%03d<%s", i, strings.Repeat("x", 200)), Patterns: []string{"events.t.+"}, QueueCapacity: 1 + i, Overflow: bus.DropNewest,
		})
		require.NoError(t, err)
	}
	for i := range topics {
		for range 1 + i%7 {
			require.NoError(t, b.Publish(background(t), bus.Event{Topic: fmt.Sprintf("events.t.n%03d-%s", i, long), Payload: &bus.ProcessEvent{}}))
		}
	}
	whole := b.Statistics()
	for _, request := range []*control.DiagnosticsRequest{
		nil, {}, {Subscriptions: new(0), Topics: new(0)}, {Subscriptions: new(1000), Topics: new(1000), Sort: control.SortByDropped},
		{Subscriptions: new(3), Topics: new(5), Sort: control.SortByQueued}, {Subscriptions: new(2), Sort: control.SortByLag},
	} {
		data, err := json.Marshal(request)
		require.NoError(t, err)
		answer, err := bus.Ask(background(t), b, subjects.ControlHealthDiagnostics, data)
		require.NoError(t, err)
		require.LessOrEqual(t, len(answer), 64<<10)
		report, err := control.Diagnostics(background(t), b, "c-1", request)
		require.NoError(t, err)
		require.Equal(t, "c-1", report.ID)
		require.WithinDuration(t, time.Now(), report.Time, patience)
		require.Len(t, report.Collectors, 1)

		// What is there and what is left out are the whole.
		var matched, dropped, queued, published uint64
		for _, s := range report.Statistics.Subscriptions {
			matched, dropped, queued = matched+s.Matched, dropped+s.Dropped, queued+s.Queued
		}
		for _, topic := range report.Topics {
			published += topic.Published
		}
		omitted, topicsOmitted := *report.SubscriptionsOmitted, *report.TopicsOmitted
		require.Equal(t, subscriptions+1, len(report.Statistics.Subscriptions)+omitted.Count)
		require.Equal(t, topics, len(report.Topics)+topicsOmitted.Count)
		require.Equal(t, []uint64{whole.Matched, whole.Dropped, whole.Queued, whole.Published},
			[]uint64{matched + omitted.Matched, dropped + omitted.Dropped, queued + omitted.Queued, published + topicsOmitted.Published})
		wantSubscriptions, wantTopics := control.DefaultRows, control.DefaultRows
		if request != nil && request.Subscriptions != nil {
			wantSubscriptions = *request.Subscriptions
		}
		if request != nil && request.Topics != nil {
			wantTopics = *request.Topics
		}
		if wantSubscriptions < control.DefaultRows {
			require.Len(t, report.Statistics.Subscriptions, wantSubscriptions)
		}
		if wantTopics <= control.DefaultRows {
			require.Len(t, report.Topics, wantTopics)
		}
		if wantSubscriptions > 3 {
			require.Greater(t, len(report.Statistics.Subscriptions), 20, "both lists have room")
			require.Greater(t, len(report.Topics), 20)
		}
	}
	byDropped, err := control.Diagnostics(background(t), b, "", &control.DiagnosticsRequest{Subscriptions: new(2), Topics: new(2), Sort: control.SortByDropped})
	require.NoError(t, err)
	require.Equal(t, "000<", byDropped.Statistics.Subscriptions[0].ID[:4], "the smallest queue has dropped most")
	require.Equal(t, []control.TopicCount{{Topic: "events.t.n006-" + long, Published: 7}, {Topic: "events.t.n013-" + long, Published: 7}}, byDropped.Topics)
	byID, err := control.Diagnostics(background(t), b, "", &control.DiagnosticsRequest{Topics: new(1), Subscriptions: new(1)})
	require.NoError(t, err)
	require.Equal(t, "events.t.n000-"+long, byID.Topics[0].Topic)
	require.Equal(t, "000<", byID.Statistics.Subscriptions[0].ID[:4])
}

func TestAWholeAnswerLeavesNothingOut(t *testing.T) {
	b := local(t)
	serve(t, b, control.Options{ID: "c-1"})
	require.NoError(t, b.Publish(background(t), bus.Event{Payload: &bus.ProcessEvent{}}))
	report, err := control.Diagnostics(background(t), b, "c-1", nil)
	require.NoError(t, err)
	require.Nil(t, report.SubscriptionsOmitted)
	require.Nil(t, report.TopicsOmitted)
	require.Nil(t, report.Server)
	require.Equal(t, []control.TopicCount{{Topic: "events.process.lifecycle", Published: 1}}, report.Topics)
	require.Empty(t, report.Collectors)
	for report, err := range control.AllDiagnostics(background(t), b, nil) {
		require.NoError(t, err)
		require.Equal(t, "c-1", report.ID)
	}
}

// fakeSettings has one setting that can be changed, the others are refused.
type fakeSettings struct {
	value string
	by    string
}

func (f *fakeSettings) Settings() []control.Setting {
	return []control.Setting{{Key: "a.b", Value: f.value, Live: true}, {Key: "a.c", Value: 1.5, Pending: 2.5}}
}

func (f *fakeSettings) Set(_ context.Context, by string, values map[string]json.RawMessage) (changes []control.Change) {
	f.by = by
	for key, value := range values {
		if key != "a.b" {
			changes = append(changes, control.Change{Key: key, Result: control.Refused, Reason: "no"})
			continue
		}
		changes = append(changes, control.Change{Key: key, Result: control.Applied, Old: f.value, Value: string(value)})
		f.value = string(value)
	}
	return changes
}

func TestTheConfigurationIsShownAndChanged(t *testing.T) {
	b := local(t)
	settings := &fakeSettings{value: "x"}
	serve(t, b, control.Options{ID: "c-1", Settings: settings})
	report, err := control.Configuration(background(t), b, "")
	require.NoError(t, err)
	require.Equal(t, control.ConfigurationReport{
		ID: "c-1", Settings: []control.Setting{{Key: "a.b", Value: "x", Live: true}, {Key: "a.c", Value: 1.5, Pending: 2.5}},
	}, report)
	report, err = control.Configure(background(t), b, "c-1", map[string]any{"a.b": 7})
	require.NoError(t, err)
	require.Equal(t, []control.Change{{Key: "a.b", Result: control.Applied, Old: "x", Value: "7"}}, report.Changes)
	require.Equal(t, []control.Setting{{Key: "a.b", Value: "7", Live: true}}, report.Settings, "the answer has the new values")
	for _, want := range []struct {
		keys     []string
		settings []control.Setting
	}{{[]string{"a.c"}, settings.Settings()[1:]}, {[]string{"a.c", "a.b"}, settings.Settings()}, {[]string{"a"}, settings.Settings()}} {
		report, err = control.Configuration(background(t), b, "", want.keys...)
		require.NoError(t, err)
		require.Equal(t, want.settings, report.Settings)
	}
	require.Equal(t, "request", settings.by)
	for _, key := range []string{"x", "", "a.", "a.b.c"} { // neither a key nor a table
		_, err = control.Configuration(background(t), b, "", key)
		require.ErrorContains(t, err, fmt.Sprintf("keys: %q", key))
	}
	_, err = bus.Ask(background(t), b, subjects.ControlCollectorConfig, []byte(`{"set":{"a.b":8},"keys":["x"]}`))
	require.ErrorContains(t, err, `keys: "x"`)
	require.Equal(t, "7", settings.value, "a request that is refused changes nothing")
	_, err = control.Configure(background(t), b, "c-1", map[string]any{"a.b": func() {}})
	require.ErrorContains(t, err, "a.b")
	for report, err := range control.Configurations(background(t), b) {
		require.NoError(t, err)
		require.Empty(t, report.Changes)
	}
}

func TestAConfigurationThatDoesNotFitIsRefused(t *testing.T) {
	b := local(t)
	serve(t, b, control.Options{ID: "c-1", MaxAnswer: 4 << 10, Settings: &fakeSettings{value: strings.Repeat("x", 5000)}})
	_, err := control.Configuration(background(t), b, "")
	refused, ok := errors.AsType[*bus.RequestError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, bus.CodeTooLarge, refused.Code)
	report, err := control.Configure(background(t), b, "", map[string]any{"a.b": strings.Repeat("y", 5000)})
	require.NoError(t, err)
	require.Equal(t, []control.Change{{Key: "a.b", Result: control.Applied}}, report.Changes, "what has become of it is said all the same")
	require.Empty(t, report.Settings)
}

func TestRequestsAreBounded(t *testing.T) {
	b := local(t)
	settings := &fakeSettings{value: "x"}
	serve(t, b, control.Options{ID: "c-1", Settings: settings})
	_, err := control.Configure(background(t), b, "", map[string]any{"a.b": strings.Repeat("y", 20_000)})
	require.ErrorContains(t, err, "the request has 20018 bytes, at most 16384 allowed")
	many := map[string]any{}
	for i := range 257 {
		many[fmt.Sprint(i)] = 1
	}
	_, err = control.Configure(background(t), b, "", many)
	require.ErrorContains(t, err, "set: 257 values: at most 256")
	require.Equal(t, "x", settings.value)
}

// TestWhatTheServerForbidsIsLeftOut has a process whose role may hear heartbeats, and neither publish nor answer.
func TestWhatTheServerForbidsIsLeftOut(t *testing.T) {
	server := startServer(t)
	observer, err := natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Credentials: server.Credentials() + "/observer.nk"})
	require.NoError(t, err)
	t.Cleanup(func() { shutdown(observer) })
	var log text
	serve(t, observer, control.Options{ID: "o", Heartbeat: control.MinHeartbeat, Settings: &fakeSettings{}, Logger: logger(&log)})
	require.Equal(t, 6, strings.Count(log.String(), "does not permit this process to answer requests"), log.String())

	other := attach(t, server)
	serve(t, other, control.Options{ID: "c-1", Heartbeat: control.MinHeartbeat})
	require.Eventually(t, func() bool {
		status, err := control.Status(background(t), observer, "c-1")
		return err == nil && status.Health == bus.HealthHealthy && len(status.Peers) == 0
	}, patience, time.Millisecond)
	_, err = control.Status(background(t), other, "o")
	require.ErrorIs(t, err, bus.ErrNoResponders)
}

// TestOtherProcessesAreAskedAlike has two components in processes of their own, asked by a third.
func TestOtherProcessesAreAskedAlike(t *testing.T) {
	server := startServer(t)
	asker := attach(t, server)
	settings := &fakeSettings{value: "x"}
	serve(t, attach(t, server), control.Options{ID: "c-1", Settings: settings})
	serve(t, attach(t, server), control.Options{ID: "c-2"})
	ctx, cancel := context.WithCancel(background(t))
	defer cancel()
	var ids []string
	for status, err := range control.Statuses(ctx, asker) {
		require.NoError(t, err)
		if ids = append(ids, status.ID); len(ids) == 2 {
			cancel()
		}
	}
	slices.Sort(ids)
	require.Equal(t, []string{"c-1", "c-2"}, ids)
	report, err := control.Diagnostics(background(t), asker, "c-2", nil)
	require.NoError(t, err)
	require.Equal(t, "c-2", report.ID)
	_, err = control.Configure(background(t), asker, "c-1", map[string]any{"a.b": "y"})
	require.NoError(t, err)
	require.Equal(t, "request of the role trusted", settings.by)
	_, err = control.Configuration(background(t), asker, "c-2")
	require.ErrorIs(t, err, bus.ErrNoResponders)
	_, err = bus.Ask(background(t), asker, subjects.ControlHealthStatus+".c-1", []byte("{"))
	refused, ok := errors.AsType[*bus.RequestError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, bus.CodeBadRequest, refused.Code)
}

// TestNoAnswerIsLargerThanItMayBe has more in the parts of reports that are no lists to cut than an answer has room for.
func TestNoAnswerIsLargerThanItMayBe(t *testing.T) {
	b := local(t)
	long := strings.Repeat("x", 8<<10)
	serve(t, b, control.Options{
		ID: "c-1", MaxAnswer: 4 << 10,
		Reasons:    func() []string { return []string{long} },
		Collectors: func() []control.CollectorStatistics { return []control.CollectorStatistics{{Name: long}} },
	})
	for _, topic := range []string{subjects.ControlHealthStatus, subjects.ControlHealthDiagnostics} {
		answer, err := bus.Ask(background(t), b, topic, nil)
		refused, ok := errors.AsType[*bus.RequestError](err)
		require.True(t, ok, "%d bytes, %v", len(answer), err)
		require.Equal(t, bus.CodeTooLarge, refused.Code)
		require.ErrorContains(t, err, "4096 bytes")
	}
}
