//go:build unix

package faults_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/natsbus"
)

const topic = "events.process.lifecycle"

// TestPublisherKilledInABurst kills processes in the middle of publishing. Nothing may be missing between the first and the last event
// that arrived, and what they had flushed has to be there.
func TestPublisherKilledInABurst(t *testing.T) {
	leavesNothing(t)
	var audit bustest.Audit
	server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t)})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	attached := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	readers := []*bustest.Reader{
		audit.Subscribe(t, inside, roomy("inside", "events.#"), false, nil),
		audit.Subscribe(t, attached, roomy("attached", "events.process.+", "events.*.lifecycle"), false, nil),
	}
	for range 5 {
		publisher := startOther(t, attach+server.Socket())
		publisher.do("publish 500 %s", topic)
		require.Equal(t, "ok <nil>", publisher.do("flush"))
		audit.Killed(publisher.id)
		publisher.do("start %s events.process.tree", topic)
		for _, r := range readers {
			delivered(t, r, 2000)
		}
		publisher.kill()
	}
	for _, r := range readers {
		account := r.Settle(t)
		require.GreaterOrEqual(t, account.Published, uint64(5*2500))
		t.Log(r.Receiver.ID(), account)
	}
	for _, r := range readers {
		works(t, &audit, inside, r, topic)
		r.Settle(t)
	}
}

// TestSubscriberKilledInABurst kills subscribers; the others get everything.
func TestSubscriberKilledInABurst(t *testing.T) {
	leavesNothing(t)
	var audit bustest.Audit
	server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t)})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	attached := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	local := audit.Subscribe(t, inside, roomy("local"), false, nil)
	remote := audit.Subscribe(t, attached, roomy("remote"), false, nil)
	publisher := startOther(t, attach+server.Socket())
	publisher.do("start %s", topic)
	for range 5 {
		victim := startOther(t, attach+server.Socket())
		require.Equal(t, "ok <nil>", victim.do("subscribe events.#"))
		delivered(t, local, 1000)
		delivered(t, remote, 1000)
		victim.kill()
	}
	publisher.finish(&audit)
	for _, r := range []*bustest.Reader{local, remote} {
		t.Log(r.Receiver.ID(), r.Settle(t))
	}
	require.Eventually(t, func() bool { return server.Clients() == 2 }, patience, step, "the server has forgotten those that were killed")
	works(t, &audit, inside, remote, topic)
	remote.Settle(t)
}

// TestEmbeddedServerKilled kills the process that has the server, and that publishes, under a subscriber and a publisher in other
// processes.
func TestEmbeddedServerKilled(t *testing.T) {
	leavesNothing(t)
	var audit bustest.Audit
	socket := socketPath(t)
	server := startOther(t, serve+socket)
	attached := closing(t)(natsbus.Attach(background(t), socket, nil))
	reader := audit.Subscribe(t, attached, roomy("attached"), false, nil)
	publisher := startOther(t, attach+socket)
	publisher.do("start events.process.tree")
	for range 3 {
		server.do("start %s", topic)
		delivered(t, reader, 2000)
		audit.Killed(server.id)
		server.kill()
		require.Eventually(t, unconnected(attached), patience, step)
		server = startOther(t, serve+socket)
		require.Eventually(t, connected(attached), patience, step)
	}
	server.do("publish 100 %s", topic)
	server.finish(&audit)
	publisher.finish(&audit)
	t.Log(reader.Settle(t))
	require.Equal(t, uint64(3), attached.Statistics().Reconnects)
	require.Positive(t, reader.CutOff())
	works(t, &audit, attached, reader, topic)
	reader.Settle(t)
	publisher.end(&audit)
	server.finish(&audit)
	reader.Settle(t)
	shut(t, attached)
}

// TestExistingServerKilled kills a nats-server under both sides.
func TestExistingServerKilled(t *testing.T) {
	leavesNothing(t)
	var audit bustest.Audit
	server := natsprocess.Start(t, "-1")
	subscriber := closing(t)(natsbus.Connect(background(t), server.URL, nil))
	reader := audit.Subscribe(t, subscriber, roomy("subscriber"), false, nil)
	publisher := startOther(t, dial+server.URL)
	publisher.do("start %s", topic)
	for range 3 {
		delivered(t, reader, 2000)
		server.Kill()
		require.Eventually(t, unconnected(subscriber), patience, step)
		server = server.Restart(t)
		require.Eventually(t, connected(subscriber), patience, step)
	}
	delivered(t, reader, 2000)
	publisher.finish(&audit)
	t.Log(reader.Settle(t))
	publisher.end(&audit)
	reader.Settle(t)
	shut(t, subscriber)
}
