package natsbus_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// TestWhatTheRoleForbidsIsTold has a bus that may publish process events and read its orders.
func TestWhatTheRoleForbidsIsTold(t *testing.T) {
	server := startServerWith(t, &embed.Options{Role: "process"})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	r := subscribe(t, inside, "s", "events.#")
	b := attach(t, server)
	for _, patterns := range [][]string{{"events.#"}, {"control.shutdown", "control.#"}, {"events.network.+"}} {
		_, err := b.Subscribe(background(t), bus.Subscription{ID: "s", Patterns: patterns})
		require.ErrorIs(t, err, bus.ErrForbidden)
		require.ErrorContains(t, err, patterns[len(patterns)-1])
	}
	orders := subscribe(t, b, "s", "control.shutdown", "control.shutdown.process")
	require.Zero(t, b.Statistics().Forbidden)

	require.NoError(t, b.Publish(background(t), bus.Event{Payload: &bus.NetworkEvent{ConnectionID: "c"}}))
	require.NoError(t, b.Publish(background(t), process(1)))
	require.NoError(t, b.Flush(background(t)))
	require.Equal(t, uint32(1), nextPID(t, r), "the one that it may publish")
	require.Eventually(t, func() bool { return b.Statistics().Forbidden == 1 }, patience, time.Millisecond)

	shutdown := process(2)
	shutdown.Topic = "control.shutdown.process"
	require.NoError(t, inside.Publish(background(t), shutdown))
	require.Equal(t, uint32(2), nextPID(t, orders))
}

// TestManySubscribeAtOnceAndEachIsTold which of them may not.
func TestManySubscribeAtOnceAndEachIsTold(t *testing.T) {
	server := startServerWith(t, &embed.Options{Role: embed.Observer})
	closing(t)(natsbus.InProcess(background(t), server, nil))
	b := attach(t, server)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			pattern, want := fmt.Sprintf("events.x.t%d", i), error(nil)
			if i%2 == 0 {
				pattern, want = fmt.Sprintf("control.x.t%d", i), bus.ErrForbidden
			}
			_ = b.Publish(background(t), process(1)) // which is forbidden, too
			_, err := b.Subscribe(background(t), bus.Subscription{ID: fmt.Sprint(i), Patterns: []string{pattern}})
			if want == nil && err != nil || want != nil && err == nil {
				t.Errorf("%s: %v, want %v", pattern, err, want)
			}
		})
	}
	all.Wait()
}
