package observe_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
)

// TestEachDropMovesItsCause forces each kind of drop that a bus alone can have.
func TestEachDropMovesItsCause(t *testing.T) {
	for _, test := range []struct {
		cause  string
		policy bus.OverflowPolicy
		force  func(t *testing.T, b bus.Bus)
		drops  map[string]float64
	}{
		{"overflow", bus.DropNewest, func(t *testing.T, b bus.Bus) { publish(t, b, 3) }, map[string]float64{"overflow": 2}},
		{"displaced", bus.DropOldest, func(t *testing.T, b bus.Bus) { publish(t, b, 3) }, map[string]float64{"displaced": 2}},
		{"timeout", bus.Block, func(t *testing.T, b bus.Bus) {
			publish(t, b, 1)
			require.ErrorIs(t, b.Publish(t.Context(), process(2)), bus.ErrOverflow)
		}, map[string]float64{"timeout": 1}},
		{"circuit", bus.BreakCircuit, func(t *testing.T, b bus.Bus) { publish(t, b, 5) }, map[string]float64{"overflow": 1, "circuit": 3}},
	} {
		t.Run(test.cause, func(t *testing.T) {
			b := local(t, &bus.Options{PublishTimeout: time.Millisecond})
			subscribe(t, b, bus.Subscription{
				ID: "slow", QueueCapacity: 1, Overflow: test.policy, CircuitBreak: bus.CircuitBreak{Overflows: 1, CoolDown: time.Hour},
			})
			m := newMeter(t, b)
			for _, cause := range []string{"overflow", "displaced", "timeout", "remote", "circuit", "shutdown"} {
				m.is(0, "dropped_events_total{cause="+cause+",subscription=slow}")
			}
			test.force(t, b)
			for _, cause := range []string{"overflow", "displaced", "timeout", "remote", "circuit", "shutdown"} {
				m.is(test.drops[cause], "dropped_events_total{cause="+cause+",subscription=slow}")
			}
			m.is(1, "queue_depth_events{subscription=slow}")
			m.is(1, "queue_capacity_events{subscription=slow}")
			m.is(1, "queue_high_water_events{subscription=slow}")
			values := m.read()
			require.Positive(t, values["queue_lag_seconds{subscription=slow}"])
			require.Positive(t, values["queue_full_seconds{subscription=slow}"])
			if test.policy == bus.BreakCircuit {
				m.is(1, "circuit_open{subscription=slow}")
				m.is(1, "circuit_openings_total{subscription=slow}")
			} else {
				require.NotContains(t, values, "circuit_open{subscription=slow}")
			}
		})
	}
}

// TestADropAtShutdownMovesItsCause is what is still queued when the time for it is over.
func TestADropAtShutdownMovesItsCause(t *testing.T) {
	b := local(t, nil)
	subscribe(t, b, bus.Subscription{ID: "unread"})
	m := newMeter(t, b)
	publish(t, b, 7)
	m.is(7, "queue_depth_events{subscription=unread}")
	m.is(0, "shut_down")
	_, cut := errors.AsType[*bus.ShutdownError](b.Shutdown(ended()))
	require.True(t, cut)
	m.is(7, "dropped_events_total{cause=shutdown,subscription=other}")
	m.is(7, "matched_events_total{subscription=other}")
	m.is(1, "shut_down")
	m.is(0, "connected")
	m.is(0, "subscriptions")
	require.NotContains(t, m.read(), "queue_depth_events{subscription=unread}")
}

// TestADropOfARemoteEventMovesItsCause is one whose publisher, in another process, cannot be made to wait.
func TestADropOfARemoteEventMovesItsCause(t *testing.T) {
	server := startServer(t, embed.Options{Role: embed.Trusted})
	publisher, subscriber := inside(t, server), attach(t, server)
	r := subscribe(t, subscriber, bus.Subscription{ID: "slow", QueueCapacity: 1, Overflow: bus.Block})
	m := newMeter(t, subscriber)
	m.is(0, "dropped_events_total{cause=remote,subscription=slow}")
	publish(t, publisher, 4)
	m.becomes(3, "dropped_events_total{cause=remote,subscription=slow}")
	m.is(4, "received_events_total")
	require.Positive(t, m.read()["received_bytes_total"])
	_, err := r.Next(background(t))
	require.NoError(t, err)
	m.is(1, "delivered_events_total{subscription=slow}")
	m.is(0, "queue_depth_events{subscription=slow}")
}
