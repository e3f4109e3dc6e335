//go:build unix

package faults_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
)

// TestServersEndOneAfterTheOther has four processes on one socket, each of which would serve. Three of them are killed or shut down one
// after the other while all publish, and with them whoever serves; the last one has a subscriber, which misses nothing that is not
// counted.
func TestServersEndOneAfterTheOther(t *testing.T) {
	leavesNothing(t)
	var audit bustest.Audit
	path := socketPath(t)
	var others []*other
	for range 3 {
		others = append(others, startOther(t, share+path))
	}
	last, err := eventbus.Open(background(t), eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: path, Shared: eventbus.SharedTakeover, Role: embed.Trusted}})
	require.NoError(t, err)
	require.True(t, last.(eventbus.Listener).Endpoints().Attached)
	reader := audit.Subscribe(t, last, roomy("reader"), false, nil)
	for _, o := range others {
		o.do("publish 500 %s", topic)
		require.Equal(t, "ok <nil>", o.do("flush"))
		audit.Killed(o.id)
	}
	require.Eventually(t, func() bool { return reader.Delivered() == 1500 }, patience, step)
	for _, o := range others {
		o.do("start %s events.process.tree", topic)
	}
	// Whoever serves is among them, or it is the last one.
	for i, o := range others {
		delivered(t, reader, 500)
		if i == 1 {
			o.do("shutdown")
		} else {
			o.kill()
		}
	}
	require.Eventually(t, func() bool { return last.Statistics().Connected && !last.(eventbus.Listener).Endpoints().Attached }, patience, step, "it serves now")
	account := reader.Settle(t)
	t.Log(account)
	client := startOther(t, attach+path)
	client.do("publish 100 %s", topic)
	client.end(&audit)
	reader.Settle(t)
	shut(t, last)
}
