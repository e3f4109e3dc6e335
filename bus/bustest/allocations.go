package bustest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

// maxAllocations is what an event may cost that is published and delivered in one process: itself, and the text of its ID, which its
// correlation begins with.
const maxAllocations = 2

// Allocations checks how often a bus allocates for an event that its subscribers in this process get.
func Allocations(t *testing.T, b bus.Bus) {
	ctx := t.Context()
	const subscribers = 3
	var receivers [subscribers]bus.Receiver
	for i := range receivers {
		var err error
		receivers[i], err = b.Subscribe(ctx, bus.Subscription{ID: string(rune('a' + i)), Patterns: []string{"events.process.+"}})
		require.NoError(t, err)
	}
	event := bus.Event{Source: "s", Payload: &bus.ProcessEvent{PID: 1, Name: "p", CommandLine: []string{"p", "q"}}}
	got := testing.AllocsPerRun(10_000, func() {
		if err := b.Publish(ctx, event); err != nil {
			t.Error(err)
		}
		for _, r := range receivers {
			if _, err := r.Next(ctx); err != nil {
				t.Error(err)
			}
		}
	})
	require.LessOrEqual(t, got, float64(maxAllocations))
}
