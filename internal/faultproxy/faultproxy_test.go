package faultproxy_test

import (
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/internal/faultproxy"
)

// patience is for what must happen; moment is how long what must not happen gets.
const (
	patience = 30 * time.Second
	moment   = 30 * time.Millisecond
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stream is what TCP connections and unix sockets have in common.
type stream interface {
	net.Conn
	CloseWrite() error
}

// endpoint is where to listen in a network.
func endpoint(t testing.TB, network string) faultproxy.Endpoint {
	if network == "unix" {
		return faultproxy.Unix(filepath.Join(t.TempDir(), "s"))
	}
	return faultproxy.TCP("127.0.0.1:0")
}

// server returns the endpoint of a server that leaves its connections to serve, and closes them when that returns.
func server(t testing.TB, network string, serve func(stream)) faultproxy.Endpoint {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				serve(conn.(stream))
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	if network == "unix" {
		return faultproxy.Unix(address)
	}
	return faultproxy.TCP(listener.Addr().String())
}

func echo(conn stream) { _, _ = io.Copy(conn, conn) }

// proxy is a proxy of a test that knows how to connect to itself.
type proxy struct {
	*faultproxy.Proxy
	network string
}

// start returns a proxy that listens in a network, before a server in the same one.
func start(t testing.TB, network string, serve func(stream)) proxy {
	t.Helper()
	target := server(t, network, serve)
	p, err := faultproxy.Listen(endpoint(t, network), target)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return proxy{p, network}
}

func (p proxy) dial(t testing.TB) stream {
	t.Helper()
	conn, err := net.Dial(p.network, p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(stream)
}

// connect is dial, but returns when the connection reaches an echo server.
func (p proxy) connect(t testing.TB) stream {
	t.Helper()
	conn := p.dial(t)
	exchange(t, conn, "hello")
	return conn
}

func (p proxy) requireConnections(t testing.TB, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return p.Connections() == n }, patience, time.Millisecond)
}

func send(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

func receive(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	_, err := io.ReadFull(conn, got)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

// exchange needs an echo server.
func exchange(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	send(t, conn, text)
	receive(t, conn, text)
}

// requireSilence makes sure that nothing comes for a moment, and that the connection lives.
func requireSilence(t testing.TB, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(moment)))
	_, err := conn.Read(make([]byte, 1))
	var late net.Error
	require.ErrorAs(t, err, &late)
	require.True(t, late.Timeout(), "%v", err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
}

func noise(size int) []byte {
	bytes := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(bytes)
	return bytes
}

// onBoth runs a test over TCP and over unix sockets.
func onBoth(t *testing.T, test func(t *testing.T, network string)) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) { test(t, network) })
	}
}
