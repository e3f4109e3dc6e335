package embed_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/link"
)

const topic = "events.process.lifecycle"

// quiet is how long nothing may come where nothing must come. Everything is flushed before, so a message would be there.
const quiet = 50 * time.Millisecond

func subscribe(tb testing.TB, conn *nats.Conn, subject string) *nats.Subscription {
	tb.Helper()
	sub, err := conn.SubscribeSync(subject)
	require.NoError(tb, err)
	require.NoError(tb, conn.Flush())
	return sub
}

func unsubscribe(tb testing.TB, conn *nats.Conn, subs ...*nats.Subscription) {
	tb.Helper()
	for _, sub := range subs {
		require.NoError(tb, sub.Unsubscribe())
	}
	require.NoError(tb, conn.Flush())
}

func publish(tb testing.TB, conn *nats.Conn, subject, data string) {
	tb.Helper()
	require.NoError(tb, conn.Publish(subject, []byte(data)))
	require.NoError(tb, conn.Flush())
}

func requireNext(tb testing.TB, sub *nats.Subscription, subject, data string) {
	tb.Helper()
	msg, err := sub.NextMsg(patience)
	require.NoError(tb, err)
	require.Equal(tb, subject, msg.Subject)
	require.Equal(tb, data, string(msg.Data))
}

func requireNothing(tb testing.TB, sub *nats.Subscription) {
	tb.Helper()
	_, err := sub.NextMsg(quiet)
	require.ErrorIs(tb, err, nats.ErrTimeout)
}

func TestInterestIsExactlyTheClients(t *testing.T) {
	server := start(t, nil, withListener)
	bus := connectBus(t, server)
	subscribe(t, bus, "in.>")
	require.Zero(t, server.Interest(topic), "the bus alone")
	require.Zero(t, server.Interest("control.shutdown"), "the bus alone")

	for name, client := range map[string]*nats.Conn{"socket": connectSocket(t, server), "loopback": connectLoopback(t, server)} {
		one := subscribe(t, client, "events.process.*")
		require.Positive(t, server.Interest(topic), name)
		require.Zero(t, server.Interest("events.network.dns"), name)

		two := subscribe(t, client, "events.>")
		require.Positive(t, server.Interest("events.network.dns"), name)
		require.Zero(t, server.Interest("control.shutdown"), name)

		unsubscribe(t, client, two)
		require.Positive(t, server.Interest(topic), name)
		require.Zero(t, server.Interest("events.network.dns"), name)

		unsubscribe(t, client, one)
		require.Zero(t, server.Interest(topic), name)

		group, err := client.QueueSubscribeSync("events.*.lifecycle", "trusted.workers")
		require.NoError(t, err)
		require.NoError(t, client.Flush())
		require.Positive(t, server.Interest(topic), name)
		unsubscribe(t, client, group)

		subscribe(t, client, topic)
		require.Positive(t, server.Interest(topic), name)
		client.Close()
		require.Eventually(t, func() bool { return server.Interest(topic) == 0 }, patience, time.Millisecond, "%s: after the client's end", name)
	}
}

// TestAllThatClientsSayGoesThroughTheBus and reaches nobody else: the bus alone decides what becomes of it.
func TestAllThatClientsSayGoesThroughTheBus(t *testing.T) {
	server := start(t, nil)
	bus, one, two := connectBus(t, server), connectSocket(t, server), connectSocket(t, server)
	publisher := uuid.New()
	peer := connectSocket(t, server, nats.Name(link.ConnectionName("peer", publisher)))
	atBus := subscribe(t, bus, "in.>")
	atOne, atTwo := subscribe(t, one, "events.>"), subscribe(t, two, "events.process.*")
	atPeer := subscribe(t, peer, "eventbus.batch.events.>")

	publish(t, bus, topic, "from the bus")
	publish(t, bus, link.BatchPrefix+topic, "a batch")
	requireNext(t, atOne, topic, "from the bus")
	requireNext(t, atTwo, topic, "from the bus")
	requireNext(t, atPeer, link.BatchPrefix+topic, "a batch")

	publish(t, two, topic, "from a client")
	requireNext(t, atBus, "in.trusted.up.plain."+topic, "from a client")
	publish(t, one, "control.shutdown", "now")
	requireNext(t, atBus, "in.trusted.up.plain.control.shutdown", "now")
	up := link.BusPrefix + publisher.String() + "."
	publish(t, peer, up+link.BatchPrefix+topic, "from a peer")
	requireNext(t, atBus, "in.trusted."+up+link.BatchPrefix+topic, "from a peer")
	for _, sub := range []*nats.Subscription{atBus, atOne, atTwo, atPeer} {
		requireNothing(t, sub)
	}
}
