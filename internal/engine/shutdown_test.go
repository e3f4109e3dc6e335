package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

// TestWhatPublishAcceptedIsRead shuts down under publishers: an event whose Publish returned no error has been read.
func TestWhatPublishAcceptedIsRead(t *testing.T) {
	for range 200 {
		e := newEngine(t, &bus.Options{QueueCapacity: 1 << 16}, nil)
		s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
		var accepted atomic.Uint64
		var work sync.WaitGroup
		for range 4 {
			work.Go(func() {
				for {
					switch err := e.Publish(context.Background(), event("events.a.b")); {
					case err == nil:
						accepted.Add(1)
					case errors.Is(err, bus.ErrClosed):
						return
					}
				}
			})
		}
		begun := make(chan struct{})
		read := uint64(0)
		work.Go(func() {
			for range s.All(context.Background()) {
				if read++; read == 100 {
					close(begun)
				}
			}
		})
		<-begun
		require.NoError(t, e.Shutdown(context.Background(), nil))
		work.Wait()
		require.Equal(t, accepted.Load(), read)
	}
}
