package natsbus_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// stalling is a server that stops reading from the bus of its process when it is told to, until it is told to go on.
type stalling struct {
	*embed.Server
	on      atomic.Bool
	stalled chan struct{} // gets a token when a write has begun to wait
	goOn    chan struct{} // ends all waiting when it is closed
}

func (s *stalling) InProcessConn() (net.Conn, error) {
	conn, err := s.Server.InProcessConn()
	return &stallingConn{conn, s}, err
}

type stallingConn struct {
	net.Conn
	server *stalling
}

func (c *stallingConn) Write(p []byte) (int, error) {
	if c.server.on.Load() {
		select {
		case c.server.stalled <- struct{}{}:
		default:
		}
		<-c.server.goOn
	}
	return c.Conn.Write(p)
}

// TestAnOverloadedServerHoldsNobodyUp checks that what the server does not take is counted, here and by other buses, and that publishers
// and subscribers of this process do not notice.
func TestAnOverloadedServerHoldsNobodyUp(t *testing.T) {
	const events, size = 1000, 60_000 // more than may wait
	server := &stalling{Server: startServer(t), stalled: make(chan struct{}, 1), goOn: make(chan struct{})}
	goOn := sync.OnceFunc(func() { close(server.goOn) })
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	t.Cleanup(goOn) // before the bus is closed
	other := attach(t, server.Server)
	atInside, atOther := subscribe(t, inside, "s", "events.#"), subscribe(t, other, "s", "events.#")
	require.NoError(t, inside.Publish(background(t), process(0)))
	require.Zero(t, nextPID(t, atInside))
	require.Zero(t, nextPID(t, atOther))

	// One publisher may be caught in the act of sending.
	name := strings.Repeat("n", size)
	server.on.Store(true)
	caught := make(chan error)
	go func() {
		caught <- inside.Publish(context.Background(), bus.Event{Topic: "events.process.tree", Payload: &bus.ProcessEvent{PID: 0, Name: name}})
	}()
	<-server.stalled
	require.Zero(t, nextPID(t, atInside))
	start := time.Now()
	for pid := range uint32(events) {
		require.NoError(t, inside.Publish(background(t), bus.Event{Payload: &bus.ProcessEvent{PID: pid + 1, Name: name}}))
		require.Equal(t, pid+1, nextPID(t, atInside))
	}
	took := time.Since(start)
	goOn()
	require.NoError(t, <-caught)
	require.Less(t, took, natsbus.FlushTimeout, "nobody waited for the server")

	unsent := inside.Statistics().Unsent
	require.Greater(t, unsent, uint64(events/4))
	require.NoError(t, inside.Flush(background(t)))
	require.Eventually(t, func() bool { return other.Statistics().Lost >= unsent }, patience, time.Millisecond)
	require.Equal(t, unsent, other.Statistics().Lost)
	require.Zero(t, nextPID(t, atOther))
	for pid := range events - unsent {
		require.Equal(t, uint32(pid+1), nextPID(t, atOther), "the first ones were sent, in order")
	}
}

// TestWhatOverranIsCountedAfterTheEnd though nobody looked before.
func TestWhatOverranIsCountedAfterTheEnd(t *testing.T) {
	const messages = 2 * natsbus.InboundMessages
	server := startServer(t)
	log := &holdUp{reached: make(chan struct{}), release: make(chan struct{})}
	b := closing(t)(natsbus.InProcess(background(t), server, &natsbus.Options{Bus: bus.Options{Logger: slog.New(log)}}))
	subscribe(t, b, "s", "events.#")
	before := natsbus.ReceivedMessages(b)
	nc := plain(t, server)
	for range messages {
		require.NoError(t, nc.Publish("events.process.lifecycle", []byte("garbage")))
	}
	<-log.reached
	require.Eventually(t, func() bool { return natsbus.ReceivedMessages(b)-before >= messages }, patience, time.Millisecond)
	close(log.release)
	require.NoError(t, b.Shutdown(background(t)))
	s := b.Statistics()
	require.Positive(t, s.Overruns)
	require.Equal(t, uint64(messages), s.Overruns+s.Malformed, "each is one or the other")
}
