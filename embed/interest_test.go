package embed_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
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
	inbox := make(chan *nats.Msg, 16)
	for _, subject := range []string{"in.events.>", "in.control.>", "in.events.process.*"} {
		_, err := bus.ChanQueueSubscribe(subject, "bus", inbox)
		require.NoError(t, err)
	}
	require.NoError(t, bus.Flush())
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

		group, err := client.QueueSubscribeSync("events.*.lifecycle", "workers")
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

func TestMessagesCrossBetweenBusAndClients(t *testing.T) {
	server := start(t, nil)
	bus, one, two := connectBus(t, server), connectSocket(t, server), connectSocket(t, server)
	atBus, control := subscribe(t, bus, "in.events.>"), subscribe(t, bus, "in.control.>")
	atOne, atTwo := subscribe(t, one, "events.>"), subscribe(t, two, "events.process.*")

	publish(t, bus, topic, "from the bus")
	requireNext(t, atOne, topic, "from the bus")
	requireNext(t, atTwo, topic, "from the bus")
	requireNothing(t, atBus)

	publish(t, two, topic, "from a client")
	requireNext(t, atBus, "in."+topic, "from a client")
	requireNext(t, atOne, topic, "from a client")
	requireNext(t, atTwo, topic, "from a client")

	publish(t, one, "control.shutdown", "now")
	requireNext(t, control, embed.InboundPrefix+".control.shutdown", "now")
	for _, sub := range []*nats.Subscription{atBus, atOne, atTwo, control} {
		requireNothing(t, sub)
	}
}

// TestOverlappingSubscriptionsOfTheBusBringAMessageOnce guards what natsbus builds on: the server picks one member of a
// queue group, also over an import.
func TestOverlappingSubscriptionsOfTheBusBringAMessageOnce(t *testing.T) {
	const messages = 500
	server := start(t, nil)
	bus, client := connectBus(t, server), connectSocket(t, server)
	inbox := make(chan *nats.Msg, 2*messages)
	for _, subject := range []string{"in.events.>", "in.events.process.*"} {
		_, err := bus.ChanQueueSubscribe(subject, "one", inbox)
		require.NoError(t, err)
	}
	require.NoError(t, bus.Flush())
	for i := range messages {
		require.NoError(t, client.Publish(topic, fmt.Append(nil, i)))
	}
	require.NoError(t, client.Flush())
	for i := range messages {
		select {
		case msg := <-inbox:
			require.Equal(t, fmt.Sprint(i), string(msg.Data), "in order")
		case <-time.After(patience):
			require.Fail(t, "missing", "message %d", i)
		}
	}
	require.NoError(t, bus.Flush())
	require.Empty(t, inbox)
}

func TestRequestAndReplyBetweenClients(t *testing.T) {
	server := start(t, nil)
	asker, answerer := connectSocket(t, server), connectSocket(t, server)
	_, err := answerer.Subscribe("control.health.status", func(m *nats.Msg) { _ = m.Respond([]byte("well")) })
	require.NoError(t, err)
	require.NoError(t, answerer.Flush())
	reply, err := asker.Request("control.health.status", nil, patience)
	require.NoError(t, err)
	require.Equal(t, "well", string(reply.Data))
}
