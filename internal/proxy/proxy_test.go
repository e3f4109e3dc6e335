package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// newSocket returns a short path for a socket in a directory of its own.
func newSocket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "s")
}

// startServer starts a server in which everybody of this user is trusted: if that were given to who comes through a proxy, it would show.
func startServer(t testing.TB, socket string) *embed.Server {
	t.Helper()
	server, err := embed.Start(t.Context(), &embed.Options{Socket: socket, Role: embed.Trusted})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	return server
}

// start runs a proxy until the end of the test, or until stop, and returns its URL.
func start(t testing.TB, options *proxy.Options) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p, err := proxy.Listen(ctx, "127.0.0.1:0", options)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(stop)
	return p.URL(), stop
}

func connect(t testing.TB, url string, options ...nats.Option) (*nats.Conn, error) {
	t.Helper()
	conn, err := nats.Connect(url, append([]nats.Option{nats.NoReconnect(), nats.Timeout(patience)}, options...)...)
	if err == nil {
		t.Cleanup(conn.Close)
	}
	return conn, err
}

func nkey(t testing.TB, server *embed.Server, role string) nats.Option {
	t.Helper()
	option, err := nats.NkeyOptionFromSeed(filepath.Join(server.Credentials(), role+".nk"))
	require.NoError(t, err)
	return option
}

// dial returns a connection to the proxy that has read the greeting.
func dial(t testing.TB, url string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	lines := bufio.NewReader(conn)
	greeting, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, greeting, `"nonce":"`, "the greeting is the server's")
	return conn, lines
}

func TestThePortIsNoOpenDoor(t *testing.T) {
	server := startServer(t, newSocket(t))
	url, _ := start(t, &proxy.Options{Socket: server.Socket()})
	for name, options := range map[string][]nats.Option{
		"nothing": nil, "secret of the bus": {nats.Token(server.Secret())}, "password": {nats.UserInfo("a", "b")},
	} {
		_, err := connect(t, url, options...)
		require.ErrorIs(t, err, nats.ErrAuthorization, name)
	}
	require.Zero(t, server.Clients())
	// It cannot be talked into anything by a client that does what the proxy does.
	for _, first := range []string{"\x00", "\x00CONNECT {}\r\n"} {
		conn, lines := dial(t, url)
		_, err := io.WriteString(conn, first)
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		_, err = lines.ReadString('\n')
		if err == nil {
			_, err = io.Copy(io.Discard, lines)
			require.NoError(t, err)
		}
	}
	require.Zero(t, server.Clients())
}

func TestACredentialHasItsRoleThroughThePort(t *testing.T) {
	server := startServer(t, newSocket(t))
	url, _ := start(t, &proxy.Options{Socket: server.Socket()})
	errs := make(chan error, 1)
	observer, err := connect(t, url, nkey(t, server, embed.Observer), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))
	require.NoError(t, err)
	sub, err := observer.SubscribeSync("events.>")
	require.NoError(t, err)
	require.NoError(t, observer.Flush())
	bus, err := connect(t, "", nats.InProcessServer(server), nats.Token(server.Secret()))
	require.NoError(t, err)
	large := strings.Repeat("x", 200<<10)
	for range 50 {
		require.NoError(t, bus.Publish("events.process.lifecycle", []byte(large)))
	}
	for range 50 {
		msg, err := sub.NextMsg(patience)
		require.NoError(t, err)
		require.Len(t, msg.Data, len(large))
	}
	require.NoError(t, observer.Publish("events.process.lifecycle", nil))
	require.ErrorIs(t, <-errs, nats.ErrPermissionViolation, "an observer publishes nothing")
}

func TestTheServerMayComeAndGo(t *testing.T) {
	socket := newSocket(t)
	url, _ := start(t, &proxy.Options{Socket: socket})
	_, err := connect(t, url)
	require.Error(t, err)
	server := startServer(t, socket)
	conn, err := connect(t, url, nkey(t, server, embed.Observer))
	require.NoError(t, err)
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	require.NoError(t, server.Stop(t.Context()))
	<-closed
	server = startServer(t, socket)
	_, err = connect(t, url, nkey(t, server, embed.Observer))
	require.NoError(t, err)
}

func TestConnectionsAreBounded(t *testing.T) {
	server := startServer(t, newSocket(t))
	url, _ := start(t, &proxy.Options{Socket: server.Socket(), MaxConnections: 2})
	first, _ := dial(t, url)
	dial(t, url)
	refused, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	require.NoError(t, err)
	require.NoError(t, refused.SetDeadline(time.Now().Add(patience)))
	_, err = refused.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, refused.Close())
	require.NoError(t, first.Close())
	require.Eventually(t, func() bool {
		_, err := connect(t, url, nkey(t, server, embed.Observer))
		return err == nil
	}, patience, 5*time.Millisecond, "a place is free again")
}

func TestWhoSaysNothingIsCut(t *testing.T) {
	// Of the server that says nothing only its backlog takes the connection.
	silent := newSocket(t)
	listener, err := net.Listen("unix", silent)
	require.NoError(t, err)
	defer listener.Close()
	for name, socket := range map[string]string{"client": startServer(t, newSocket(t)).Socket(), "server": silent} {
		url, _ := start(t, &proxy.Options{Socket: socket, HandshakeTimeout: 20 * time.Millisecond})
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		_, err = io.Copy(io.Discard, conn)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, name)
	}
}

// The last words of the server reach a client that has closed its half.
func TestHalvesEndOneAfterTheOther(t *testing.T) {
	socket := newSocket(t)
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	url, _ := start(t, &proxy.Options{Socket: socket})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, "question")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	behind, err := listener.Accept()
	require.NoError(t, err)
	defer behind.Close()
	require.NoError(t, behind.SetDeadline(time.Now().Add(patience)))
	question, err := io.ReadAll(behind)
	require.NoError(t, err)
	require.Equal(t, "\x00question", string(question), "the proxy says whose connection it is not, and nothing else")
	_, err = io.WriteString(behind, "answer")
	require.NoError(t, err)
	require.NoError(t, behind.Close())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "answer", string(answer))
}

func TestTheEndOfTheProxyEndsItsConnections(t *testing.T) {
	server := startServer(t, newSocket(t))
	url, stop := start(t, &proxy.Options{Socket: server.Socket()})
	conn, err := connect(t, url, nkey(t, server, embed.Observer))
	require.NoError(t, err)
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	stop()
	<-closed
	_, err = net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	require.Error(t, err)
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1", ":0", ""} {
		_, err := proxy.Listen(t.Context(), address, &proxy.Options{})
		require.ErrorContains(t, err, fmt.Sprintf("%q must be ", address))
	}
}
