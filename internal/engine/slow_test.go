package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *logBuffer) lines(with string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buffer.String()) {
		if strings.Contains(line, with) {
			lines = append(lines, line)
		}
	}
	return lines
}

func logged(options *bus.Options) (*bus.Options, *logBuffer) {
	var log logBuffer
	options.Logger = slog.New(slog.NewTextHandler(&log, nil))
	return options, &log
}

// stuckInAHandler is what a reader waits in instead of reading.
func stuckInAHandler(release <-chan struct{}) { <-release }

func TestASlowConsumerIsNamedWithWhatItWaitsIn(t *testing.T) {
	for _, policy := range []bus.OverflowPolicy{bus.DropNewest, bus.DropOldest, bus.BreakCircuit, bus.Block} {
		t.Run(policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options, log := logged(&bus.Options{QueueCapacity: 2, Overflow: policy, PublishTimeout: 100 * time.Millisecond})
				e := newEngine(t, options, nil)
				s := mustSubscribe(t, e, bus.Subscription{ID: "culprit"})
				other := mustSubscribe(t, e, bus.Subscription{ID: "other", QueueCapacity: 1 << 16})
				release := make(chan struct{})
				go func() {
					if _, err := s.Next(context.Background()); err == nil {
						stuckInAHandler(release)
					}
				}()
				for start := time.Now(); time.Since(start) < 30*time.Second; time.Sleep(10 * time.Millisecond) {
					_ = e.Publish(t.Context(), event("events.a.b"))
				}
				lines := log.lines("slow consumer")
				require.NotEmpty(t, lines)
				require.LessOrEqual(t, len(lines), 4, "one in ten seconds")
				require.Contains(t, lines[0], "subscription=culprit")
				require.Contains(t, lines[0], "stuckInAHandler")
				require.Contains(t, s.Statistics().WaitsIn, "stuckInAHandler")
				require.Contains(t, s.Statistics().WaitsIn, "chan receive")
				require.Greater(t, s.Statistics().FullFor, 20*time.Second)
				require.Zero(t, other.Statistics().FullFor)
				require.Empty(t, other.Statistics().WaitsIn)
				close(release)
			})
		})
	}
}

func TestABlockedPublishNamesWhoHoldsItUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, log := logged(&bus.Options{QueueCapacity: 1, PublishTimeout: 5 * time.Second})
		e := newEngine(t, options, nil)
		mustSubscribe(t, e, bus.Subscription{ID: "never read"})
		require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
		require.ErrorIs(t, e.Publish(t.Context(), event("events.a.b")), bus.ErrOverflow)
		lines := log.lines("slow consumer")
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], `subscription="never read"`)
		require.Contains(t, lines[0], "nobody has read from it yet")
	})
}

func TestWhoseReaderHasEndedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, log := logged(&bus.Options{QueueCapacity: 1, Overflow: bus.DropNewest})
		e := newEngine(t, options, nil)
		s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
		require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
		go func() { _, _ = s.Next(context.Background()) }()
		synctest.Wait()
		for range 30 {
			require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
			time.Sleep(100 * time.Millisecond)
		}
		require.Len(t, log.lines("the goroutine that read from it has ended"), 1)
	})
}

func TestABurstIsNoSlowConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, log := logged(&bus.Options{QueueCapacity: 4, Overflow: bus.DropOldest})
		e := newEngine(t, options, nil)
		s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
		for range 100 {
			for range 10 {
				require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
			}
			require.Positive(t, s.Statistics().Dropped)
			for range 4 {
				_, err := s.Next(t.Context())
				require.NoError(t, err)
			}
			require.Zero(t, s.Statistics().FullFor)
			time.Sleep(time.Second)
		}
		require.Empty(t, log.lines("slow consumer"))
	})
}

// TestAQueueIsFullUntilItIsDownToHalf: who makes room for one event at a time is as slow as who makes none.
func TestAQueueIsFullUntilItIsDownToHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, &bus.Options{QueueCapacity: 4, Overflow: bus.DropNewest}, nil)
		s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
		take := func(n int) {
			for range n {
				_, err := s.TryNext()
				require.NoError(t, err)
			}
		}
		publish := func(n int) {
			for range n {
				require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
			}
		}
		publish(5)
		for range 10 {
			time.Sleep(time.Second)
			take(1)
			publish(2)
		}
		require.Equal(t, 10*time.Second, s.Statistics().FullFor)
		take(2)
		require.Zero(t, s.Statistics().FullFor)
		publish(3) // the last one finds no room: the time begins anew
		time.Sleep(time.Second)
		require.Equal(t, time.Second, s.Statistics().FullFor)
	})
}

func TestLagIsTheAgeOfTheOldestQueuedEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil, nil)
		s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
		for range 3 {
			require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
			time.Sleep(time.Second)
		}
		for _, want := range []time.Duration{3 * time.Second, 2 * time.Second, time.Second, 0} {
			require.Equal(t, want, s.Statistics().Lag)
			_, err := s.TryNext()
			require.NoError(t, err)
		}
		require.Equal(t, uint64(3), s.Statistics().HighWater)
	})
}

func TestEachOfSeveralSlowConsumersIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options, log := logged(&bus.Options{QueueCapacity: 2, Overflow: bus.DropOldest})
		e := newEngine(t, options, nil)
		ids := []string{"one", "two", "three"}
		for _, id := range ids {
			mustSubscribe(t, e, bus.Subscription{ID: id})
		}
		for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
			require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
		}
		for _, id := range ids {
			require.NotEmpty(t, log.lines("subscription="+id), id)
		}
	})
}

// talkative is a log that goes over the bus.
type talkative struct {
	slog.Handler
	publish func()
}

func (l *talkative) Enabled(context.Context, slog.Level) bool { return true }

func (l *talkative) Handle(context.Context, slog.Record) error {
	l.publish()
	return nil
}

func TestALogMayGoOverTheBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log talkative
		e := newEngine(t, &bus.Options{QueueCapacity: 1, Overflow: bus.DropNewest, Logger: slog.New(&log)}, nil)
		logged := 0
		log.publish = func() {
			logged++
			require.NoError(t, e.Publish(context.Background(), event("events.a.b")))
		}
		mustSubscribe(t, e, bus.Subscription{ID: "one"})
		mustSubscribe(t, e, bus.Subscription{ID: "two"})
		for start := time.Now(); time.Since(start) < time.Minute; time.Sleep(10 * time.Millisecond) {
			require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
		}
		synctest.Wait()
		require.Positive(t, logged)
	})
}
