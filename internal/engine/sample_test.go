package engine_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

// TestSamplesAtOnce has several of them while several publish: each is shown what it has room for, once.
func TestSamplesAtOnce(t *testing.T) {
	const publishers, each, room = 4, 500, 30
	e, err := engine.New(nil, nil)
	require.NoError(t, err)
	var publishing, watching sync.WaitGroup
	for range publishers {
		publishing.Go(func() {
			for range each {
				if err := e.Publish(t.Context(), &bus.Event{Payload: &bus.ProcessEvent{PID: 1, Name: "p"}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		watching.Go(func() {
			seen := make(map[uuid.UUID]bool)
			for range 50 {
				events := e.Sample(room)()
				if len(events) > room {
					t.Errorf("%d events in a sample of %d", len(events), room)
				}
				for _, event := range events {
					if seen[event.ID] {
						t.Errorf("%s was shown twice", event.ID)
					}
					seen[event.ID] = true
				}
			}
		})
	}
	last := e.Sample(publishers * each)
	publishing.Wait()
	watching.Wait()
	require.LessOrEqual(t, len(last()), bus.MaxSample)
	full := e.Sample(1)
	require.NoError(t, e.Publish(t.Context(), &bus.Event{Payload: &bus.ProcessEvent{PID: 1, Name: "p"}}))
	require.False(t, e.Sampled(), "a sample that is full is gone, before it is stopped")
	require.Len(t, full(), 1)
}
