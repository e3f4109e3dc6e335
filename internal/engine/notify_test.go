package engine_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

// overflowing returns a subscription whose queue of one is full, and what makes it drop an event.
func overflowing(t *testing.T, told *told) (e *engine.Engine, drop func()) {
	e = newEngine(t, nil, nil)
	mustSubscribe(t, e, bus.Subscription{ID: "s", QueueCapacity: 1, Overflow: bus.DropNewest, Notify: told.add})
	drop = func() { require.NoError(t, e.Publish(t.Context(), event("events.a.b"))) }
	drop() // which is queued
	return e, drop
}

func TestTheFirstNoticeComesAtOnceAndTheNextAfterAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notices told
		_, drop := overflowing(t, &notices)
		drop()
		synctest.Wait()
		require.Equal(t, []bus.Notice{{Subscriber: "s", Drops: bus.Drops{Overflow: 1}}}, notices.all())
		drop()
		drop()
		time.Sleep(bus.NoticeInterval - 1)
		require.Len(t, notices.all(), 1)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Equal(t, bus.Notice{Subscriber: "s", Drops: bus.Drops{Overflow: 2}}, notices.all()[1])
		time.Sleep(time.Hour)
		require.Len(t, notices.all(), 2, "and none that tells nothing")
	})
}

// TestTheEndOfASubscriptionTellsWhatIsLeftAtOnce: what was dropped within the interval of the last notice does not wait for the next.
func TestTheEndOfASubscriptionTellsWhatIsLeftAtOnce(t *testing.T) {
	for name, end := range map[string]func(*engine.Engine){
		"unsubscribe": func(e *engine.Engine) { e.Unsubscribe("s") },
		"shutdown": func(e *engine.Engine) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			_ = e.Shutdown(ctx, nil) // cuts off what is queued
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var notices told
				e, drop := overflowing(t, &notices)
				drop()
				synctest.Wait()
				drop()
				begin := time.Now()
				end(e)
				synctest.Wait()
				require.LessOrEqual(t, time.Since(begin), time.Millisecond)
				var overflow uint64
				for _, n := range notices.all() {
					overflow += n.Drops.Overflow
				}
				require.Equal(t, uint64(2), overflow)
			})
		})
	}
}
