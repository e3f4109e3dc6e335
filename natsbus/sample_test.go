package natsbus_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

// arrived returns what a bus has counted.
func arrived(b *natsbus.Bus) map[string]uint64 { return maps.Collect(b.ArrivedByTopic()) }

// becomes waits until a bus has counted as much on the topic of process.
func becomes(t *testing.T, b *natsbus.Bus, want uint64) {
	t.Helper()
	require.Eventually(t, func() bool { return arrived(b)["events.process.lifecycle"] == want }, patience, 2*time.Millisecond, "%v", arrived(b))
}

// TestTheServersBusCountsWhatOthersPublish whoever wants it: nobody, somebody here, a bus and a plain client outside.
func TestTheServersBusCountsWhatOthersPublish(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	publisher, other := attach(t, server), attach(t, server)
	encoded, err := (&bus.Event{Payload: process(1).Payload}).MarshalMsg(nil)
	require.NoError(t, err)
	client := plain(t, server)
	publish := func() {
		t.Helper()
		require.NoError(t, publisher.Publish(background(t), process(1)))
		require.NoError(t, publisher.Publish(background(t), process(2)))
		require.NoError(t, publisher.Flush(background(t)))
		require.NoError(t, client.Publish("events.process.lifecycle", encoded))
		require.NoError(t, client.Flush())
	}
	require.Empty(t, arrived(inside))
	publish()
	becomes(t, inside, 3)
	require.Zero(t, inside.Statistics().Received, "nobody has subscribed")
	plainSubscription(t, server, "events.>")
	publish()
	becomes(t, inside, 6)
	r, err := other.Subscribe(background(t), bus.Subscription{ID: "s"})
	require.NoError(t, err)
	publish()
	becomes(t, inside, 9)
	becomes(t, other, 3)
	_, err = inside.Subscribe(background(t), bus.Subscription{ID: "s"})
	require.NoError(t, err)
	publish()
	becomes(t, inside, 12)
	becomes(t, other, 6)
	require.Equal(t, uint64(3), inside.Statistics().Received)
	require.Equal(t, uint64(6), r.Statistics().Matched)
	require.Empty(t, arrived(publisher), "what it has published itself does not arrive")
	require.NoError(t, inside.Publish(background(t), process(3)))
	require.Equal(t, uint64(12), arrived(inside)["events.process.lifecycle"], "likewise")
}

// TestASampleShowsWhatOthersPublish although nobody in this process has subscribed, and leaves no trace.
func TestASampleShowsWhatOthersPublish(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	publisher := attach(t, server)
	stop := inside.Sample(2)
	for pid := range uint32(3) {
		require.NoError(t, publisher.Publish(background(t), process(pid)))
	}
	require.NoError(t, publisher.Flush(background(t)))
	becomes(t, inside, 3)
	events := stop()
	require.Len(t, events, 2)
	for i, event := range events {
		pid, _ := event.PID()
		require.Equal(t, uint32(i), pid)
	}
	s := inside.Statistics()
	require.Equal(t, []uint64{0, 0, 0, 0}, []uint64{s.Received, s.Untracked, s.Stale, s.Lost})
}

// TestASampleLooksIntoWhatNobodyWants, which nobody else does: it finds what is malformed, and counts it.
func TestASampleLooksIntoWhatNobodyWants(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	client := plain(t, server)
	publish := func(message string) {
		require.NoError(t, client.Publish("events.process.lifecycle", []byte(message)))
		require.NoError(t, client.Flush())
	}
	publish("no event")
	becomes(t, inside, 1) // counted as its sender says
	require.Zero(t, inside.Statistics().Malformed)
	stop := inside.Sample(1)
	publish("no event")
	require.Eventually(t, func() bool { return inside.Statistics().Malformed == 1 }, patience, time.Millisecond)
	require.Empty(t, stop())
}
