package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

// TestTheWallClockMayJump lets it jump by years, back and forth, under everything that has to do with time.
func TestTheWallClockMayJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, &bus.Options{QueueCapacity: 4, PublishTimeout: time.Second}, nil)
		jumps := []time.Duration{0, 10 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour, time.Hour, -time.Nanosecond}
		n := 0
		engine.SetWallClock(e, func() time.Time {
			n++
			return time.Now().Round(0).Add(jumps[n%len(jumps)])
		})
		s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
		broken := mustSubscribe(t, e, bus.Subscription{
			ID: "circuit", QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 3, Window: 10 * time.Second, CoolDown: time.Minute},
		})
		r := newRemote(e)
		var last uint64
		for round := range uint64(100) {
			for range 2 {
				require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
			}
			r.receive("events.a.c", 2*round+1, 2*round+2)
			require.Less(t, s.Statistics().Lag, time.Second)
			for range 4 {
				got, err := s.Next(t.Context())
				require.NoError(t, err)
				if got.Topic == "events.a.b" {
					require.Equal(t, last+1, got.Sequence, "in order")
					last = got.Sequence
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		require.Zero(t, lost(s))
		require.Zero(t, s.Statistics().Dropped)
		require.Equal(t, uint64(1), broken.Statistics().CircuitOpened)
		require.Equal(t, bus.CircuitOpen, broken.Statistics().Circuit, "ten seconds are no cool-down of a minute")
		require.LessOrEqual(t, e.Age(), 11*time.Second)

		for range 4 {
			require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
		}
		start := time.Now()
		require.ErrorIs(t, e.Publish(t.Context(), event("events.a.b")), bus.ErrOverflow)
		require.Equal(t, time.Second, time.Since(start), "the publish timeout is a time, not a date")
	})
}

// TestEventsHaveTheTimeOfTheWallClock checks that its time is not read so seldom that anybody could tell.
func TestEventsHaveTheTimeOfTheWallClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil, nil)
		var ahead time.Duration
		engine.SetWallClock(e, func() time.Time { return time.Now().Add(ahead) })
		s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
		published := func() time.Time {
			require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
			got, err := s.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, time.UTC, got.Time.Location())
			return got.Time
		}
		for _, jump := range []time.Duration{0, time.Hour, -10 * time.Hour, 50 * 365 * 24 * time.Hour} {
			ahead = jump
			time.Sleep(time.Millisecond)
			for range 3 {
				require.True(t, published().Equal(time.Now().Add(ahead)), "a millisecond after the clock was set")
				time.Sleep(300 * time.Microsecond)
			}
		}
	})
}
