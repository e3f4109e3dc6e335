package natsbus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// burst is how many events the tests publish at once. It makes many batches.
const burst = 5000

func publishBurst(t testing.TB, b bus.Bus) {
	for pid := range uint32(burst) {
		require.NoError(t, b.Publish(background(t), process(pid)))
	}
	require.NoError(t, b.Flush(background(t)))
}

// requireBurst reads a burst: each event once, in order.
func requireBurst(t testing.TB, r bus.Receiver) {
	t.Helper()
	for pid := range uint32(burst) {
		require.Equal(t, pid, nextPID(t, r))
	}
}

// plainSubscription is a plain client's, which keeps all that comes.
func plainSubscription(t testing.TB, server *embed.Server, subject string) *nats.Subscription {
	nc := plain(t, server)
	s, err := nc.SubscribeSync(subject)
	require.NoError(t, err)
	require.NoError(t, s.SetPendingLimits(-1, -1))
	require.NoError(t, nc.Flush())
	return s
}

// requirePlainBurst reads a burst from a plain client: single events, each once, in order.
func requirePlainBurst(t testing.TB, s *nats.Subscription, before uint64) {
	t.Helper()
	for n := range uint64(burst) {
		msg, err := s.NextMsg(patience)
		require.NoError(t, err, "after %d events", n)
		require.Equal(t, "events.process.lifecycle", msg.Subject)
		var event bus.Event
		_, err = event.UnmarshalMsg(msg.Data)
		require.NoError(t, err)
		require.Equal(t, before+n+1, event.Sequence)
	}
}

func attach(t testing.TB, server *embed.Server) *natsbus.Bus {
	return closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
}

func requireNothingElse(t testing.TB, buses ...*natsbus.Bus) {
	t.Helper()
	for _, b := range buses {
		s := b.Statistics()
		require.Zero(t, s.Stale, "nothing came twice")
		require.Zero(t, s.Malformed)
		require.Zero(t, s.Lost)
		require.Zero(t, s.Unsent)
	}
}

// knowsGateway waits until the bus sends batches.
func knowsGateway(t testing.TB, b *natsbus.Bus, want bool) {
	t.Helper()
	require.Eventually(t, func() bool { return natsbus.Gateway(b) == want }, patience, time.Millisecond)
}

// TestEverybodyGetsTheFormItUnderstands publishes in the server's process and in another one, to a bus in each and to a plain client.
func TestEverybodyGetsTheFormItUnderstands(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	one, two := attach(t, server), attach(t, server)
	atInside, atTwo, atPlain := subscribe(t, inside, "s", "events.process.+"), subscribe(t, two, "s", "events.#"), plainSubscription(t, server, "events.process.*")
	for _, publisher := range []*natsbus.Bus{inside, one} {
		knowsGateway(t, one, true)
		sent, received := natsbus.SentMessages(publisher), natsbus.ReceivedMessages(two)
		publishBurst(t, publisher)
		requireBurst(t, atInside)
		requireBurst(t, atTwo)
		requirePlainBurst(t, atPlain, 0)
		require.Less(t, natsbus.ReceivedMessages(two)-received, uint64(burst/5), "batches only")
		if publisher == one {
			require.Less(t, natsbus.SentMessages(one)-sent, uint64(burst/5), "batches only")
		}
		requireNothingElse(t, inside, one, two)
	}
	n, _, err := atPlain.Pending()
	require.NoError(t, err)
	require.Zero(t, n, "single events only, and each once")
}

// TestWithoutAGateway publishes at a server that has no bus in its process, and when the one that it had has ended.
func TestWithoutAGateway(t *testing.T) {
	server := startServer(t)
	one, two := attach(t, server), attach(t, server)
	atTwo, atPlain := subscribe(t, two, "s", "events.process.+"), plainSubscription(t, server, "events.>")
	var before uint64
	round := func() {
		t.Helper()
		publishBurst(t, one)
		requireBurst(t, atTwo)
		requirePlainBurst(t, atPlain, before)
		before += burst
		requireNothingElse(t, one, two)
	}
	round()
	inside, err := natsbus.InProcess(background(t), server, nil)
	require.NoError(t, err)
	knowsGateway(t, one, true)
	round()
	require.NoError(t, inside.Shutdown(background(t)))
	knowsGateway(t, one, false)
	round()
}

// TestPlainClientsReachEveryBus publishes by a plain client, to a bus in the server's process and in another one.
func TestPlainClientsReachEveryBus(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	other := attach(t, server)
	atInside, atOther, nc := subscribe(t, inside, "s", "events.process.+"), subscribe(t, other, "s", "events.process.+"), plain(t, server)
	for pid := range burst {
		require.NoError(t, nc.Publish("events.process.tree", wellFormed(t, func(e map[string]any) { e["payload"].(map[string]any)["pid"] = pid })))
	}
	requireBurst(t, atInside)
	requireBurst(t, atOther)
	requireNothingElse(t, inside, other)
}

// TestMixedTopicsStayInOrder publishes to several topics in turn, of which other buses want some.
func TestMixedTopicsStayInOrder(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	other := attach(t, server)
	knowsGateway(t, other, true)
	for name, pair := range map[string][2]*natsbus.Bus{"out": {inside, other}, "in": {other, inside}} {
		r := subscribe(t, pair[1], name, "events.process.tree", "events.process.lifecycle")
		for i := range uint32(burst) {
			event := process(i)
			event.Topic = []string{"events.process.tree", "events.process.metadata", "events.process.lifecycle"}[i%3]
			require.NoError(t, pair[0].Publish(background(t), event))
		}
		for i := range uint32(burst) {
			if i%3 != 1 {
				require.Equal(t, i, nextPID(t, r), name)
			}
		}
	}
	requireNothingElse(t, inside, other)
}

// TestTheLargestEvent is the largest that the buses take, from everywhere to everywhere.
func TestTheLargestEvent(t *testing.T) {
	const limit = 8 << 10
	server, err := embed.Start(background(t), &embed.Options{NoSocket: true, Listen: "127.0.0.1:0", Socket: t.TempDir() + "/run/s", MaxPayload: limit})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	options := &natsbus.Options{Bus: bus.Options{MaxEventSize: limit}}
	inside := closing(t)(natsbus.InProcess(background(t), server, options))
	other := closing(t)(natsbus.Connect(background(t), tokenURL(server), options))
	knowsGateway(t, other, true)
	event := process(1)
	event.Topic, event.Correlation = "events.process.lifecycle", bus.Correlation{ID: "c", RootID: "c"}
	payload := event.Payload.(*bus.ProcessEvent)
	for event.Msgsize() < limit {
		payload.Name += "n"
	}
	for name, pair := range map[string][2]*natsbus.Bus{"out": {inside, other}, "in": {other, inside}} {
		r, atPlain := subscribe(t, pair[1], name, "events.#"), plainSubscription(t, server, "events.>")
		require.NoError(t, pair[0].Publish(background(t), event), name)
		require.Equal(t, uint32(1), nextPID(t, r), name)
		_, err := atPlain.NextMsg(patience)
		require.NoError(t, err, name)
		tooLarge := event
		tooLarge.Source = "s"
		require.ErrorIs(t, pair[0].Publish(background(t), tooLarge), bus.ErrTooLarge)
	}
	requireNothingElse(t, inside, other)
}

// TestGarbageInABatch checks that what is malformed in a batch takes nothing else with it.
func TestGarbageInABatch(t *testing.T) {
	server := startServer(t)
	b := closing(t)(natsbus.InProcess(background(t), server, nil))
	r := subscribe(t, b, "s", "#")
	nc := plain(t, server)
	pid := func(n int) []byte {
		return wellFormed(t, func(e map[string]any) { e["payload"].(map[string]any)["pid"] = n })
	}
	message := natsbus.Batches([][]byte{pid(1), []byte("garbage"), nil, pid(2)})[0]
	for _, subject := range []string{"eventbus.batch.events.process.tree", "eventbus.batch.events.Process"} {
		require.NoError(t, nc.Publish(subject, message))
	}
	require.NoError(t, nc.Publish("eventbus.batch.events.process.tree", message[:len(message)-1]))
	require.NoError(t, nc.Publish("eventbus.gateway", []byte("garbage")))
	require.NoError(t, nc.Publish("eventbus.batch.events.process.tree", natsbus.Batches([][]byte{pid(3)})[0]))
	for _, want := range []uint32{1, 2, 1, 3} {
		require.Equal(t, want, nextPID(t, r), fmt.Sprint(want))
	}
	require.EqualValues(t, 2+1+3+1, b.Statistics().Malformed)
}
