package natsbus_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/natsbus"
)

func connected(b bus.Bus) func() bool   { return func() bool { return b.Statistics().Connected } }
func unconnected(b bus.Bus) func() bool { return func() bool { return !b.Statistics().Connected } }

func TestReconnectsToAnExistingServer(t *testing.T) {
	server := natsprocess.Start(t, "-1")
	options := &natsbus.Options{Bus: bus.Options{Logger: testLogger(t)}}
	publisher := closing(t)(natsbus.Connect(background(t), server.URL, options))
	subscriber := closing(t)(natsbus.Connect(background(t), server.URL, options))
	r := subscribe(t, subscriber, "s", "events.process.+")
	require.NoError(t, publisher.Publish(background(t), process(1)))
	require.Equal(t, uint32(1), nextPID(t, r))

	inside := subscribe(t, publisher, "inside", "process")
	server.Kill()
	require.Eventually(t, unconnected(publisher), patience, time.Millisecond)
	require.Eventually(t, unconnected(subscriber), patience, time.Millisecond)
	require.Eventually(t, func() bool { return publisher.Statistics().DisconnectedFor > 0 }, patience, time.Millisecond)
	// While the server is away: local subscribers are served, and the rest is buffered.
	require.NoError(t, publisher.Publish(background(t), process(2)))
	require.Equal(t, uint32(2), nextPID(t, inside))
	// A new subscription cannot be promised its events, so its caller waits, and gives up without a trace.
	ctx, cancel := context.WithTimeout(background(t), 20*time.Millisecond)
	defer cancel()
	_, err := publisher.Subscribe(ctx, bus.Subscription{ID: "late"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, publisher.Statistics().ActiveSubscribers)

	server.Restart(t)
	require.Eventually(t, connected(publisher), patience, time.Millisecond)
	require.Eventually(t, connected(subscriber), patience, time.Millisecond)
	require.NoError(t, publisher.Flush(background(t)))
	require.NoError(t, subscriber.Flush(background(t)))
	require.Eventually(t, func() bool {
		require.NoError(t, publisher.Publish(background(t), process(3)))
		event, err := r.TryNext()
		return err == nil && event != nil
	}, patience, 10*time.Millisecond)
	require.Equal(t, uint64(1), publisher.Statistics().Reconnects)
	require.Zero(t, publisher.Statistics().DisconnectedFor)
	require.Equal(t, uint64(1), subscriber.Statistics().Reconnects)
}

func TestReconnectsToARestartedCollector(t *testing.T) {
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	socket := filepath.Join(dir, "s")

	server := startServerAt(t, socket)
	collector := closing(t)(natsbus.InProcess(background(t), server, nil))
	watcher := closing(t)(natsbus.Attach(background(t), socket, &natsbus.Options{Bus: bus.Options{Logger: testLogger(t)}}))
	r := subscribe(t, watcher, "s", "events.process.+")
	require.NoError(t, collector.Publish(background(t), process(1)))
	require.Equal(t, uint32(1), nextPID(t, r))

	require.NoError(t, collector.Shutdown(background(t)))
	require.NoError(t, server.Stop(background(t)))
	require.Eventually(t, unconnected(watcher), patience, time.Millisecond)

	collector = closing(t)(natsbus.InProcess(background(t), startServerAt(t, socket), nil))
	require.Eventually(t, connected(watcher), patience, time.Millisecond)
	require.NoError(t, watcher.Flush(background(t)))
	require.NoError(t, collector.Publish(background(t), process(2)))
	require.Equal(t, uint32(2), nextPID(t, r))
	require.Equal(t, uint64(1), watcher.Statistics().Reconnects)
}

// TestALostConnectionChangesNoForm: when a connection is lost again before it has been looked at, it says nothing of what the server is. An
// embedded one would refuse what comes in the form for others.
func TestALostConnectionChangesNoForm(t *testing.T) {
	server := startServer(t)
	b := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	uplink, form := natsbus.Adapt(b)
	require.NotEmpty(t, uplink)
	require.NotEmpty(t, form)
	require.NoError(t, server.Stop(background(t)))
	require.Eventually(t, unconnected(b), patience, time.Millisecond)
	lostUplink, lostForm := natsbus.Adapt(b)
	require.Equal(t, uplink, lostUplink)
	require.Equal(t, form, lostForm)
}

func TestPublishSaysWhenTheServerIsGoneForLong(t *testing.T) {
	server := natsprocess.Start(t, "-1")
	b := closing(t)(natsbus.Connect(background(t), server.URL, nil))
	r := subscribe(t, b, "s", "events.process.+")
	server.Kill()
	require.Eventually(t, unconnected(b), patience, time.Millisecond)
	event := bus.Event{Payload: &bus.ProcessEvent{PID: 1, ExecutablePath: strings.Repeat("x", 200<<10)}}
	published := 0
	for {
		err := b.Publish(background(t), event)
		published++
		if err != nil {
			require.True(t, errors.Is(err, bus.ErrUndelivered), "%v", err)
			break
		}
		require.Less(t, published, 100, "the buffer is bounded")
	}
	for range published {
		require.Equal(t, uint32(1), nextPID(t, r), "subscribers of this process got each of them")
	}
	ctx, cancel := context.WithTimeout(background(t), 20*time.Millisecond)
	defer cancel()
	require.Error(t, b.Flush(ctx))
}

func TestShutdownSaysWhatWasNotSent(t *testing.T) {
	server := natsprocess.Start(t, "-1")
	b := closing(t)(natsbus.Connect(background(t), server.URL, nil))
	server.Kill()
	require.Eventually(t, unconnected(b), patience, time.Millisecond)
	require.NoError(t, b.Publish(background(t), process(1)), "it is buffered")
	err := b.Shutdown(background(t))
	require.ErrorIs(t, err, bus.ErrUndelivered)
	require.ErrorContains(t, err, "bytes of events were not sent")
}
