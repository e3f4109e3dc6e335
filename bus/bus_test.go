package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

func TestErrorsNameTheirParts(t *testing.T) {
	cause := errors.New("cause")
	invalid := &bus.InvalidError{Field: "topic", Value: "a\x1b" + strings.Repeat("x", 500), Reason: "is odd", Err: cause}
	require.ErrorIs(t, invalid, bus.ErrInvalid)
	require.ErrorIs(t, invalid, cause)
	require.Less(t, len(invalid.Error()), 200, "a large value is cut")
	require.NotContains(t, invalid.Error(), "\x1b")

	overflow := error(&bus.OverflowError{Subscriber: "slow", Err: context.DeadlineExceeded})
	require.ErrorIs(t, overflow, bus.ErrOverflow)
	require.ErrorIs(t, overflow, context.DeadlineExceeded)
	require.ErrorContains(t, overflow, `"slow"`)

	shutdown := error(&bus.ShutdownError{Discarded: 7, Err: context.Canceled})
	require.ErrorIs(t, shutdown, context.Canceled)
	require.ErrorContains(t, shutdown, "7")
}

func TestCorrelationChild(t *testing.T) {
	root := bus.NewCorrelation()
	root.Stage, root.Tags, root.TraceID = "collect", bus.Metadata{"case": "17"}, "trace"
	child := root.Child()
	require.Equal(t, bus.Correlation{
		ID: child.ID, ParentID: root.ID, RootID: root.ID, TraceID: "trace", Sequence: 1, Stage: "collect", Tags: bus.Metadata{"case": "17"},
	}, child)
	require.NotEqual(t, root.ID, child.ID)
	child.Tags["case"] = "18"
	require.Equal(t, "17", root.Tags["case"])
	grandchild := child.Child()
	require.Equal(t, root.ID, grandchild.RootID)
	require.Equal(t, child.ID, grandchild.ParentID)
	require.Equal(t, uint64(2), grandchild.Sequence)
}

func TestOptionsWithDefaults(t *testing.T) {
	got, err := (*bus.Options)(nil).WithDefaults()
	require.NoError(t, err)
	require.NotNil(t, got.Logger)
	got.Logger = nil
	require.Equal(t, bus.Options{
		MaxSubscribers: 1000, QueueCapacity: 1024, Overflow: bus.Block, PublishTimeout: 5 * time.Second, MaxEventSize: 256 << 10,
		CircuitBreak: bus.CircuitBreak{Overflows: 20, Window: 10 * time.Second, CoolDown: 5 * time.Second},
	}, got)
	for field, options := range map[string]bus.Options{
		"max_subscribers": {MaxSubscribers: -1},
		"queue_capacity":  {QueueCapacity: bus.MaxQueueCapacity + 1},
		"max_event_size":  {MaxEventSize: -1},
		"publish_timeout": {PublishTimeout: -1},
		"overflow":        {Overflow: 99},

		"circuit_break.overflows": {CircuitBreak: bus.CircuitBreak{Overflows: bus.MaxCircuitOverflows + 1}},
		"circuit_break.window":    {CircuitBreak: bus.CircuitBreak{Window: -1}},
		"circuit_break.cool_down": {CircuitBreak: bus.CircuitBreak{CoolDown: -1}},
	} {
		_, err := options.WithDefaults()
		invalid, ok := errors.AsType[*bus.InvalidError](err)
		require.True(t, ok, field)
		require.Equal(t, field, invalid.Field)
	}
}

func TestOverflowPolicyText(t *testing.T) {
	for _, policy := range []bus.OverflowPolicy{bus.OverflowDefault, bus.Block, bus.DropNewest, bus.DropOldest, bus.BreakCircuit} {
		text, err := policy.MarshalText()
		require.NoError(t, err)
		var back bus.OverflowPolicy
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, policy, back)
	}
	var p bus.OverflowPolicy
	err := p.UnmarshalText([]byte("explode"))
	require.ErrorIs(t, err, bus.ErrInvalid)
	require.ErrorContains(t, err, "explode")
}

func TestPriorityOrder(t *testing.T) {
	order := []bus.Priority{bus.PriorityLow, bus.PriorityNormal, bus.PriorityHigh, bus.PriorityCritical}
	for i, p := range order {
		for j, q := range order {
			require.Equal(t, i >= j, p.AtLeast(q), "%s %s", p, q)
		}
	}
	require.True(t, bus.Priority("").AtLeast(bus.PriorityNormal))
	require.False(t, bus.Priority("urgent").Valid())
}

func TestDefaultTopics(t *testing.T) {
	for kind, topic := range map[bus.EventType]string{
		bus.TypeProcess: "events.process.lifecycle", bus.TypeNetwork: "events.network.connections",
		bus.TypeFilesystem: "events.filesystem.operations", bus.TypePerformance: "events.performance.utilization",
		bus.TypeTrigger: "control.trigger.request", "unknown": "",
	} {
		require.Equal(t, topic, kind.DefaultTopic())
	}
}

func TestEventJSON(t *testing.T) {
	text, err := json.Marshal(&bus.Event{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), Topic: "events.usb.plugged",
		Payload: &bus.Raw{Name: "usb", Data: []byte{0x82, 0xa1, 'a', 1, 0xa1, 'b', 0xc4, 1, 0xff}},
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"id":"00000000-0000-0000-0000-000000000000","time":"2026-01-02T02:04:05Z","topic":"events.usb.plugged","source":"",
		"type":"usb","payload":{"a":1,"b":"/w=="},"correlation":{"correlation_id":"","sequence":0},"sequence":0}`, string(text))
}

func TestEventJSONIsInUTCAndUnescaped(t *testing.T) {
	zone := time.FixedZone("far", 9*3600)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, zone)
	for _, payload := range []bus.Payload{
		&bus.ProcessEvent{CommandLine: []string{"a<b", "&&"}, StartTime: at, Timestamp: at}, &bus.NetworkEvent{Timestamp: at}, &bus.FilesystemEvent{Timestamp: at},
		&bus.PerformanceEvent{Timestamp: at}, &bus.TriggerRequest{Timestamp: at}, &bus.HealthEvent{Timestamp: at},
		&bus.Raw{Name: "mine", Data: []byte{0x91, 0x81, 0xa1, 't', 0xd6, 0xff, 0x69, 0x56, 0xb7, 0xd5}}, // [{"t": a timestamp}]
	} {
		event := bus.Event{Time: at, Topic: "events.a.b", Payload: payload}
		text, err := event.MarshalJSON()
		require.NoError(t, err)
		require.NotContains(t, string(text), "+09:00")
		require.Contains(t, string(text), `"time":"2026-01-01T18:04:05Z"`)
		require.NotContains(t, string(text), `\u0026`)
	}
	text, err := (&bus.Raw{Name: "mine", Data: []byte{0x91, 0x81, 0xa1, 't', 0xd6, 0xff, 0x69, 0x56, 0xb7, 0xd5}}).MarshalJSON()
	require.NoError(t, err)
	require.Equal(t, `[{"t":"2026-01-01T18:07:17Z"}]`, string(text))
}

func ExampleEvent_MarshalMsg() {
	event := bus.Event{Topic: "events.process.lifecycle", Payload: &bus.ProcessEvent{PID: 4242, Name: "sleep"}}
	encoded, err := event.MarshalMsg(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var received bus.Event
	if _, err := received.UnmarshalMsg(encoded); err != nil {
		fmt.Println(err)
		return
	}
	pid, _ := received.PID()
	fmt.Println(received.Type(), pid)
	// Output: process 4242
}

func TestDrops(t *testing.T) {
	d := bus.Drops{Overflow: 1, Displaced: 2, Timeout: 3, Remote: 4, Circuit: 5, Shutdown: 6}
	require.Equal(t, uint64(21), d.Total())
	require.Equal(t, d, d.Plus(d).Minus(d))
	require.Equal(t, "overflow=1 displaced=2 timeout=3 remote=4 circuit=5 shutdown=6", d.String())
	require.Equal(t, "remote=1", bus.Drops{Remote: 1}.String())
	// No cause may be missing in any of them.
	v := reflect.ValueOf(&d).Elem()
	for field, value := range v.Fields() {
		require.Contains(t, d.String(), fmt.Sprintf("%s=%d", field.Tag.Get("json"), value.Uint()))
	}
}
