package localbus_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/localbus"
)

func benchBus(b *testing.B, options bus.Options) *localbus.Bus {
	l, err := localbus.New(&options)
	require.NoError(b, err)
	b.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = l.Shutdown(ctx)
	})
	return l
}

// BenchmarkPublishMatching publishes to one subscription while others match something else: the cost does not depend on
// their number.
func BenchmarkPublishMatching(b *testing.B) {
	for _, subs := range []int{1, 10, 1000, 10_000} {
		b.Run(fmt.Sprintf("subs=%d", subs), func(b *testing.B) {
			l := benchBus(b, bus.Options{MaxSubscribers: subs, QueueCapacity: 1, Overflow: bus.DropOldest})
			for i := range subs - 1 {
				_, err := l.Subscribe(b.Context(), bus.Subscription{ID: fmt.Sprint(i), Patterns: []string{fmt.Sprintf("events.other.t%d.#", i)}})
				require.NoError(b, err)
			}
			_, err := l.Subscribe(b.Context(), bus.Subscription{ID: "match", Patterns: []string{"events.process.+"}})
			require.NoError(b, err)
			event := bus.Event{Payload: &bus.ProcessEvent{PID: 1, Name: "x"}}
			b.ReportAllocs()
			for b.Loop() {
				_ = l.Publish(b.Context(), event)
			}
		})
	}
}

// BenchmarkDelivery publishes to subscribers that read, and counts an event when the last one has it.
func BenchmarkDelivery(b *testing.B) {
	for _, subs := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("subs=%d", subs), func(b *testing.B) {
			l := benchBus(b, bus.Options{})
			var readers sync.WaitGroup
			for i := range subs {
				r, err := l.Subscribe(b.Context(), bus.Subscription{ID: fmt.Sprint(i), Patterns: []string{"events.process.+"}})
				require.NoError(b, err)
				readers.Go(func() {
					for range r.All(context.Background()) {
					}
				})
			}
			event := bus.Event{Payload: &bus.ProcessEvent{PID: 1, Name: "x"}}
			b.ReportAllocs()
			for b.Loop() {
				_ = l.Publish(b.Context(), event)
			}
			for i := range subs {
				_ = l.Unsubscribe(b.Context(), fmt.Sprint(i))
			}
			readers.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
