package embed_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/embed"
)

// countingLog counts lines.
type countingLog struct {
	mu    sync.Mutex
	lines int
}

func (c *countingLog) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines += bytes.Count(p, []byte{'\n'})
	return len(p), nil
}

func (c *countingLog) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines
}

// TestAFloodOfStrangers: those who are there already lose nothing by any number of connections that never get in, and when the flood is
// over nothing of it is left.
func TestAFloodOfStrangers(t *testing.T) {
	const strangers, atOnce, messages = 2000, 500, 2000
	log := new(countingLog)
	begun := time.Now()
	server := start(t, &embed.Options{AuthTimeout: time.Second, Logger: slog.New(slog.NewTextHandler(log, nil))}, withListener)
	publisher, subscriber := connectBus(t, server), connectSocket(t, server)
	got := make(chan *nats.Msg, messages)
	_, err := subscriber.ChanSubscribe("events.>", got)
	require.NoError(t, err)
	require.NoError(t, subscriber.Flush())
	before, memory := goleak.IgnoreCurrent(), heap()

	var flood sync.WaitGroup
	address := strings.TrimPrefix(server.URL(), "nats://")
	for worker := range atOnce {
		flood.Go(func() {
			for i := range strangers / atOnce {
				network, to := "unix", server.Socket()
				if i%2 == 0 {
					network, to = "tcp", address
				}
				stranger(network, to, []string{"", "CONNECT {\"auth_token\":\"wrong\"}\r\n", "CONNECT {\"nkey\":\"x\",\"sig\":\"x\"}\r\n", "\x00CONNECT {}\r\n", "garbage\r\n"}[(i+worker)%5])
			}
		})
	}
	for range messages {
		require.NoError(t, publisher.Publish(topic, make([]byte, 400)))
	}
	require.NoError(t, publisher.Flush())
	for i := range messages {
		select {
		case <-got:
		case <-time.After(patience):
			require.Fail(t, "missing", "message %d", i)
		}
	}
	flood.Wait()
	require.NoError(t, subscriber.Flush(), "it is still connected")
	requireNoGoroutines(t, before) // nothing runs for who has gone
	require.Less(t, heap(), memory+16<<20)
	// There are a few kinds of complaints, each of them once a second.
	require.Less(t, log.count(), 10+10*int(time.Since(begun)/time.Second+1))
	require.Equal(t, 1, server.Clients())
}

// TestStrangersKeepNobodyOut: connections that never authenticate, and are made anew when they are ended, hold all places of the
// listener for less than AuthTimeout.
func TestStrangersKeepNobodyOut(t *testing.T) {
	const places = 40
	server := start(t, &embed.Options{MaxConnections: places, AuthTimeout: patience}, withListener)
	there := connectSocket(t, server)
	address := strings.TrimPrefix(server.URL(), "nats://")
	var flood sync.WaitGroup
	quit := make(chan struct{})
	for range 2 * places {
		flood.Go(func() {
			for {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					return // the server has gone
				}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_, _ = io.Copy(io.Discard, conn)
				}()
				select {
				case <-ended:
				case <-quit:
				}
				conn.Close()
				<-ended
				select {
				case <-quit:
					return
				default:
				}
			}
		})
	}
	for range 20 {
		require.Eventually(t, func() bool {
			nc, err := connect(t, server.URL(), nats.Token(server.Token()))
			if err != nil {
				return false
			}
			nc.Close()
			return true
		}, patience/2, time.Millisecond)
	}
	require.NoError(t, there.Flush(), "who was there is still there")
	require.Zero(t, there.Stats().Reconnects)
	close(quit)
	flood.Wait()
}

// TestAFloodFillsNoLog: neither with those for whom there is no room, nor with those who do not know that the listener speaks TLS.
func TestAFloodFillsNoLog(t *testing.T) {
	const strangers = 300
	for name, change := range map[string]func(*embed.Options){
		"room": func(o *embed.Options) { o.MaxConnections = 1 },
		"TLS":  newAuthority(t).withTLS,
	} {
		log := new(countingLog)
		begun := time.Now()
		server := start(t, &embed.Options{AuthTimeout: 100 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil))}, withListener, change)
		_, address, _ := strings.Cut(server.URL(), "://")
		var flood sync.WaitGroup
		for range strangers {
			flood.Go(func() { stranger("tcp", address, "GET / HTTP/1.0\r\n\r\n") })
		}
		flood.Wait()
		stop(t, server)
		require.Less(t, log.count(), 10+10*int(time.Since(begun)/time.Second+1), name)
	}
}

// stranger connects, says something, and waits to be thrown out.
func stranger(network, address, says string) {
	conn, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience)) // what matters is what becomes of the others
	_, _ = io.WriteString(conn, says)
	_, _ = io.Copy(io.Discard, conn)
}

// heap returns how much memory is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
