//go:build unix

package faults_test

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/natsbus"
)

// introduced waits until a publisher has told the server's bus when it started. asks makes that ask.
func introduced(t *testing.T, server *embed.Server, inside *natsbus.Bus, start func() *other) *other {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(server), nats.Token(server.Secret())) // as the bus of the server's process
	require.NoError(t, err)
	defer nc.Close()
	answers, err := nc.SubscribeSync(server.InboundPrefix() + ".*." + link.BusPrefix + "*.eventbus.answer." + inside.Statistics().Publisher.String())
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	publisher := start()
	for {
		answer, err := answers.NextMsg(patience)
		require.NoError(t, err)
		if bytes.Contains(answer.Data, publisher.id[:]) {
			return publisher
		}
	}
}

// TestLastWordsAreRemembered has a publisher begin, publish and end while a subscriber is cut off.
func TestLastWordsAreRemembered(t *testing.T) {
	leavesNothing(t)
	var audit bustest.Audit
	server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0"})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	proxy, open := openProxy(t, server, "unix", nil)
	behind := open()
	reader := audit.Subscribe(t, behind, roomy("behind"), false, nil)
	// What is certain about the start of a publisher is only certain for who has been there for longer than messages take.
	for begun := time.Now(); time.Since(begun) < time.Second; {
		works(t, &audit, inside, reader, topic)
	}

	proxy.Refuse(true)
	proxy.Reset()
	require.Eventually(t, unconnected(behind), patience, step)
	publisher := introduced(t, server, inside, func() *other { return startOther(t, attach+server.Socket()) })
	publisher.do("publish 300 %s events.process.tree", topic)
	publisher.end(&audit)
	proxy.Refuse(false)
	account := reader.Settle(t)
	require.Equal(t, uint64(600), account.Lost, "%v", account)
	works(t, &audit, inside, reader, topic)
	reader.Settle(t)
	shut(t, behind)
}

// TestStoppedReaderIsToldWhatItMissed stops a process with a subscriber, sends more than the server keeps for it, and ends the
// publisher before it goes on.
func TestStoppedReaderIsToldWhatItMissed(t *testing.T) {
	const events = 50_000
	leavesNothing(t)
	var audit bustest.Audit
	server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0", MaxPending: 1 << 20})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	stopped := startOther(t, attach+server.Socket())
	require.Equal(t, "ok <nil>", stopped.do("subscribe events.#"))
	publisher := introduced(t, server, inside, func() *other { return startOther(t, attach+server.Socket()) })
	publisher.do("publish 10 %s", topic)
	require.Eventually(t, func() bool { return stopped.do("account") == "10 0 0" }, patience, step)
	require.NoError(t, stopped.cmd.Process.Signal(syscall.SIGSTOP))
	publisher.do("publish %d %s", events-10, topic)
	publisher.end(&audit)
	require.NoError(t, stopped.cmd.Process.Signal(syscall.SIGCONT))
	require.Eventually(t, func() bool {
		var delivered, dropped, lost int
		scan(t, stopped.do("account"), &delivered, &dropped, &lost)
		return lost > 0 && delivered+dropped+lost == events
	}, patience, 20*step)
	t.Log("delivered, dropped, lost:", stopped.do("account"))
}
