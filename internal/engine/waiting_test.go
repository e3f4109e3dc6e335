package engine_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

// In these tests everybody waits before something happens: a bubble knows when that is so.

func TestOneTokenWakesAsManyReadersAsThereAreEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil, nil)
		s, err := e.Subscribe(t.Context(), bus.Subscription{ID: "s"})
		require.NoError(t, err)
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				_, err := s.Next(t.Context())
				require.NoError(t, err)
			})
		}
		synctest.Wait()
		for range 3 {
			require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
		}
		readers.Wait()
	})
}

// blockedPublish returns the result of a Publish that waits for a full queue, and the reader of that queue.
func blockedPublish(ctx context.Context, t *testing.T, options *bus.Options) (result chan error, unsubscribe, shutdown func(), reader bus.Receiver) {
	e := newEngine(t, options, nil)
	s, err := e.Subscribe(t.Context(), bus.Subscription{ID: "s", QueueCapacity: 1})
	require.NoError(t, err)
	require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
	result = make(chan error, 1)
	go func() { result <- e.Publish(ctx, event("events.a.b")) }()
	synctest.Wait()
	require.Empty(t, result, "it waits")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	return result, func() { e.Unsubscribe("s") }, func() { _ = e.Shutdown(over, nil) }, s
}

func TestRoomFreesAPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, _, _, reader := blockedPublish(t.Context(), t, nil)
		for range 2 {
			_, err := reader.Next(t.Context())
			require.NoError(t, err)
		}
		require.NoError(t, <-result)
	})
}

func TestTheEndOfASubscriptionFreesAPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, unsubscribe, _, _ := blockedPublish(t.Context(), t, nil)
		begin := time.Now()
		unsubscribe()
		require.NoError(t, <-result)
		require.Zero(t, time.Since(begin), "at once, and not when its time was over")
	})
}

func TestShutdownFreesAPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result, _, shutdown, reader := blockedPublish(t.Context(), t, nil)
		begin := time.Now()
		shutdown()
		require.ErrorIs(t, <-result, bus.ErrClosed)
		require.Zero(t, time.Since(begin))
		statistics := reader.Statistics()
		require.Equal(t, statistics.Matched, statistics.Delivered+statistics.Dropped)
	})
}

func TestShutdownFreesPublishersBeforeItReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil, nil)
		s, err := e.Subscribe(t.Context(), bus.Subscription{ID: "s", QueueCapacity: 1})
		require.NoError(t, err)
		require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
		result := make(chan error, 1)
		go func() { result <- e.Publish(t.Context(), event("events.a.b")) }()
		synctest.Wait()
		require.NoError(t, e.Shutdown(t.Context(), func(context.Context) error {
			require.ErrorIs(t, <-result, bus.ErrClosed)
			_, err := s.Next(t.Context())
			return err
		}))
	})
}

func TestPublishTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		result, _, _, reader := blockedPublish(t.Context(), t, &bus.Options{PublishTimeout: 3 * time.Second})
		err := <-result
		require.ErrorIs(t, err, bus.ErrOverflow)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(begin))
		require.Equal(t, uint64(1), reader.Statistics().Dropped)
	})
}

func TestADeadlineBeatsThePublishTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		result, _, _, _ := blockedPublish(ctx, t, &bus.Options{PublishTimeout: time.Second})
		require.ErrorIs(t, <-result, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(begin))
	})
}

// TestNoWakeUpIsLost has a publisher and a reader that wait for each other all the time. In a bubble time passes only while all wait: if
// it has passed, one of them was not woken.
func TestNoWakeUpIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 200_000
		begin := time.Now()
		e := newEngine(t, nil, nil)
		s := mustSubscribe(t, e, bus.Subscription{ID: "s", QueueCapacity: 1})
		var publisher sync.WaitGroup
		publisher.Go(func() {
			for range events {
				if err := e.Publish(context.Background(), event("events.a.b")); err != nil {
					t.Error(err)
					return
				}
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for range events {
			_, err := s.Next(ctx)
			require.NoError(t, err)
		}
		publisher.Wait()
		require.Zero(t, time.Since(begin))
	})
}
