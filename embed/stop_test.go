package embed_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/embed"
)

// names returns the files in a directory, without the credentials, which stay.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".credentials") {
			names = append(names, e.Name())
		}
	}
	return names
}

func requireNoFiles(t *testing.T, socket string) {
	t.Helper()
	require.Empty(t, names(t, filepath.Dir(socket)))
}

// requireNoGoroutines waits until all goroutines but those from before have ended. goleak alone gives them less than half a second, which
// is little on a busy machine.
func requireNoGoroutines(t *testing.T, before goleak.Option) {
	t.Helper()
	var left error
	for deadline := time.Now().Add(patience); ; {
		if left = goleak.Find(before); left == nil || time.Now().After(deadline) {
			break
		}
	}
	require.NoError(t, left)
}

func TestStopLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	socket := newSocket(t)
	server := start(t, &embed.Options{Socket: socket}, withListener)
	closed := make(chan struct{}, 3)
	onClose := nats.ClosedHandler(func(*nats.Conn) { closed <- struct{}{} })
	for _, conn := range []*nats.Conn{connectSocket(t, server, onClose), connectLoopback(t, server, onClose), connectBus(t, server, onClose)} {
		subscribe(t, conn, "events.>")
	}
	url := server.URL()
	stop(t, server)
	for range 3 {
		<-closed
	}
	requireNoFiles(t, socket)
	_, err := net.Dial("tcp", url[len("nats://"):])
	require.Error(t, err)
	requireNoGoroutines(t, before)

	_, err = server.InProcessConn()
	require.Error(t, err)
}

func TestStopTwiceAndAtOnce(t *testing.T) {
	server := start(t, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { stop(t, server) })
	}
	wg.Wait()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, server.Stop(ended), "it is stopped")
}

func TestStopUnderTraffic(t *testing.T) {
	socket := newSocket(t)
	server := start(t, &embed.Options{Socket: socket}, withListener)
	bus := connectBus(t, server)
	received := make(chan struct{}, 1)
	conns := []*nats.Conn{bus}
	for range 3 {
		conns = append(conns, connectSocket(t, server), connectLoopback(t, server))
	}
	for _, conn := range conns {
		for _, subject := range []string{"events.>", "in.events.>"} {
			if conn != bus && subject == "in.events.>" {
				continue
			}
			_, err := conn.Subscribe(subject, func(*nats.Msg) {
				select {
				case received <- struct{}{}:
				default:
				}
			})
			require.NoError(t, err)
		}
		require.NoError(t, conn.Flush())
	}
	var publishers sync.WaitGroup
	for _, conn := range conns {
		publishers.Go(func() {
			payload := make([]byte, 400)
			for {
				for range 10 {
					if conn.Publish(topic, payload) != nil {
						return
					}
				}
				// What is under way is bounded, or a machine with one processor is busy with it for long.
				if conn.Flush() != nil {
					return
				}
			}
		})
	}
	for range 1000 {
		<-received
	}
	stop(t, server)
	requireNoFiles(t, socket)
	publishers.Wait()
}

// TestStopSendsWhatIsPending: what the bus has flushed before Stop reaches the clients.
func TestStopSendsWhatIsPending(t *testing.T) {
	const messages = 2000
	server := start(t, nil)
	bus, client := connectBus(t, server), connectSocket(t, server)
	got := make(chan *nats.Msg, messages)
	_, err := client.ChanSubscribe("events.>", got)
	require.NoError(t, err)
	require.NoError(t, client.Flush())
	for range messages {
		require.NoError(t, bus.Publish(topic, make([]byte, 400)))
	}
	require.NoError(t, bus.Flush())
	stop(t, server)
	for i := range messages {
		select {
		case <-got:
		case <-time.After(patience):
			require.Fail(t, "missing", "message %d", i)
		}
	}
}

// stuckClient returns a connection that subscribes to everything and then reads no more.
func stuckClient(t *testing.T, network, address, token string) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = conn.Write([]byte(`CONNECT {"auth_token":"` + token + `","verbose":false}` + "\r\nSUB events.> 1\r\nPING\r\n"))
	require.NoError(t, err)
	return conn
}

// fill publishes until the server has given the stuck client up or holds bytes back for it.
func fill(t *testing.T, bus *nats.Conn) {
	t.Helper()
	for range 400 {
		require.NoError(t, bus.Publish(topic, make([]byte, 64<<10)))
	}
	require.NoError(t, bus.Flush())
}

func TestStopCutsAStuckClientWhenTheContextEnds(t *testing.T) {
	before := goleak.IgnoreCurrent()
	socket := newSocket(t)
	server := start(t, &embed.Options{Socket: socket, WriteDeadline: time.Hour})
	stuckClient(t, "unix", socket, server.Token())
	require.Eventually(t, func() bool { return server.Interest(topic) > 0 }, patience, time.Millisecond)
	bus := connectBus(t, server)
	fill(t, bus)
	bus.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := server.Stop(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "were cut")
	requireNoFiles(t, socket)
	requireNoGoroutines(t, before)
	require.NoError(t, server.Stop(t.Context()))
}

func TestAStuckClientIsDisconnected(t *testing.T) {
	server := start(t, &embed.Options{WriteDeadline: time.Second}) // which those who read keep to, also on a busy machine
	stuckClient(t, "unix", server.Socket(), server.Token())
	require.Eventually(t, func() bool { return server.Interest(topic) > 0 }, patience, time.Millisecond)
	bus, reader := connectBus(t, server), connectSocket(t, server)
	sub := subscribe(t, reader, "control.>")
	fill(t, bus)
	require.Eventually(t, func() bool { return server.Interest(topic) == 0 }, patience, time.Millisecond)
	publish(t, bus, "control.shutdown", "still here")
	requireNext(t, sub, "control.shutdown", "still here")
	bus.Close()
	stop(t, server) // with the stuck client still there: its last write has a deadline too
}
