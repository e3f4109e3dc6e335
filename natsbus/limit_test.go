package natsbus_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// TestBatchesKeepToTheServersLimit publishes bursts at a server whose limit is less than a batch may have, in both directions.
func TestBatchesKeepToTheServersLimit(t *testing.T) {
	server := startServerWith(t, &embed.Options{Role: embed.Trusted, MaxPayload: 4 << 10})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	other := attach(t, server)
	atInside, atOther := subscribe(t, inside, "s", "events.#"), subscribe(t, other, "s", "events.#")
	publishBurst(t, inside)
	requireBurst(t, atInside)
	requireBurst(t, atOther)
	publishBurst(t, other)
	requireBurst(t, atOther)
	requireBurst(t, atInside)
	requireNothingElse(t, inside, other)
}

// TestATopicKeepsNoEvent checks that what a bus remembers of a topic for long is not a part of an event that had it.
func TestATopicKeepsNoEvent(t *testing.T) {
	const topics, size = 500, 60_000
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	other, third := attach(t, server), attach(t, server)
	r := subscribe(t, other, "s", "events.a.#")
	before := heap()
	for i := range topics {
		require.NoError(t, inside.Publish(background(t), bus.Event{
			Topic: "events.a.t" + strings.Repeat("x", 10) + string(rune('a'+i%26)) + strings.Repeat("y", i/26), Payload: &bus.ProcessEvent{Name: strings.Repeat("n", size)},
		}))
		event, err := r.Next(background(t))
		require.NoError(t, err)
		require.NoError(t, third.Publish(background(t), *event))
		_, err = r.Next(background(t))
		require.NoError(t, err)
	}
	require.Less(t, heap()-before, int64(topics*size/4))
}

// TestWhatWaitsIsBoundedInMemory has events of several topics in turn, of which no two can be in one message.
func TestWhatWaitsIsBoundedInMemory(t *testing.T) {
	server := &stalling{Server: startServer(t), stalled: make(chan struct{}, 1), goOn: make(chan struct{})}
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	goOn := sync.OnceFunc(func() { close(server.goOn) })
	t.Cleanup(goOn) // before the bus is closed
	other := attach(t, server.Server)
	subscribe(t, other, "s", "events.#")
	server.on.Store(true)
	before, ctx := heap(), background(t)
	// One of the publishers may be caught in the act of sending.
	const publishers, events = 2, 150_000
	done := make(chan error, publishers)
	for range publishers {
		go func() {
			var err error
			for i := uint32(0); i < events && err == nil; i++ {
				event := process(i)
				event.Topic = []string{"events.process.tree", "events.process.lifecycle"}[i%2]
				err = inside.Publish(ctx, event)
			}
			done <- err
		}()
	}
	require.NoError(t, <-done)
	require.Less(t, heap()-before, int64(natsbus.MaxUnsent*3/2))
	goOn()
	require.NoError(t, <-done)
	require.Positive(t, inside.Statistics().Unsent)
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
