package engine_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

// breaking returns an engine and a subscription with a queue of one, and what publishes to it.
func breaking(t *testing.T, settings bus.CircuitBreak) (s *engine.Subscription, publish func()) {
	e := newEngine(t, nil, nil)
	s = mustSubscribe(t, e, bus.Subscription{ID: "s", QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: settings})
	publish = func() { require.NoError(t, e.Publish(t.Context(), event("events.a.b"))) }
	publish()
	return s, publish
}

func TestACircuitOpensAfterSoManyOverflowsInAnyWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, publish := breaking(t, bus.CircuitBreak{Overflows: 3, Window: 10 * time.Second})
		for range 10 { // two in any window of 10 s
			publish()
			require.Equal(t, bus.CircuitClosed, s.Statistics().Circuit)
			time.Sleep(5*time.Second + 1)
		}
		publish()
		time.Sleep(4 * time.Second)
		publish() // the third one within 10 s
		require.Equal(t, bus.CircuitOpen, s.Statistics().Circuit)
		require.Equal(t, bus.Drops{Overflow: 12}, s.Statistics().Drops)
	})
}

func TestACircuitIsTriedAfterItsCoolDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, publish := breaking(t, bus.CircuitBreak{Overflows: 1, CoolDown: time.Minute})
		publish()
		require.Equal(t, bus.CircuitOpen, s.Statistics().Circuit)
		time.Sleep(time.Minute)
		publish() // finds no room
		require.Equal(t, bus.CircuitOpen, s.Statistics().Circuit)
		_, err := s.TryNext()
		require.NoError(t, err)
		time.Sleep(time.Minute - 1)
		publish()
		require.Equal(t, bus.CircuitOpen, s.Statistics().Circuit, "the probe that found no room began the time anew")
		time.Sleep(time.Nanosecond)
		publish()
		require.Equal(t, bus.CircuitHalfOpen, s.Statistics().Circuit)
		time.Sleep(time.Hour)
		publish()
		require.Equal(t, bus.CircuitHalfOpen, s.Statistics().Circuit, "until the probe drains, however long that takes")
		require.Equal(t, bus.Drops{Overflow: 1, Circuit: 3}, s.Statistics().Drops)
		_, err = s.TryNext()
		require.NoError(t, err)
		require.Equal(t, bus.CircuitClosed, s.Statistics().Circuit)
		publish()
		publish()
		require.Equal(t, bus.CircuitOpen, s.Statistics().Circuit)
		require.Equal(t, uint64(2), s.Statistics().CircuitOpened)
	})
}

// TestACircuitMayStayOpenForGood: the longest time that there is must not wrap around to none.
func TestACircuitMayStayOpenForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, publish := breaking(t, bus.CircuitBreak{Overflows: 1, CoolDown: math.MaxInt64})
		time.Sleep(time.Second)
		publish()
		_, err := s.TryNext()
		require.NoError(t, err)
		time.Sleep(365 * 24 * time.Hour)
		publish()
		require.Equal(t, bus.CircuitOpen, s.Statistics().Circuit)
	})
}
