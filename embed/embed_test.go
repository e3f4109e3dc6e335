package embed_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/embed"
)

const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if socket := os.Getenv(helperSocket); socket != "" {
		os.Exit(helperMain(socket))
	}
	if socket := os.Getenv(helperVisit); socket != "" {
		os.Exit(visitMain(socket))
	}
	goleak.VerifyTestMain(m)
}

// newSocket returns a short path for a socket in a directory of its own.
func newSocket(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, os.RemoveAll(dir)) })
	return filepath.Join(dir, "s")
}

func withListener(o *embed.Options) { o.Listen = "127.0.0.1:0" }

// start starts a server on a socket of its own and stops it at the end of the test.
func start(tb testing.TB, options *embed.Options, changes ...func(*embed.Options)) *embed.Server {
	tb.Helper()
	if options == nil {
		options = &embed.Options{}
	}
	if options.Socket == "" {
		options.Socket = newSocket(tb)
	}
	if options.Role == "" {
		options.Role = embed.Trusted
	}
	for _, change := range changes {
		change(options)
	}
	server, err := embed.Start(tb.Context(), options)
	require.NoError(tb, err)
	tb.Cleanup(func() { stop(tb, server) })
	return server
}

func stop(tb testing.TB, server *embed.Server) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(tb, server.Stop(ctx))
}

// dialer dials a unix socket for nats.go.
type dialer string

func (d dialer) InProcessConn() (net.Conn, error) { return net.Dial("unix", string(d)) }

func connect(tb testing.TB, url string, options ...nats.Option) (*nats.Conn, error) {
	tb.Helper()
	conn, err := nats.Connect(url, append([]nats.Option{nats.NoReconnect(), nats.Timeout(patience)}, options...)...)
	if err == nil {
		tb.Cleanup(conn.Close)
	}
	return conn, err
}

func connectSocket(tb testing.TB, server *embed.Server, options ...nats.Option) *nats.Conn {
	tb.Helper()
	conn, err := connect(tb, "", append(options, nats.InProcessServer(dialer(server.Socket())), nats.Token(server.Token()))...)
	require.NoError(tb, err)
	return conn
}

func connectLoopback(tb testing.TB, server *embed.Server, options ...nats.Option) *nats.Conn {
	tb.Helper()
	conn, err := connect(tb, server.URL(), append(options, nats.Token(server.Token()))...)
	require.NoError(tb, err)
	return conn
}

func connectBus(tb testing.TB, server *embed.Server, options ...nats.Option) *nats.Conn {
	tb.Helper()
	conn, err := connect(tb, "", append(options, nats.InProcessServer(server), nats.Token(server.Secret()), nats.NoEcho())...)
	require.NoError(tb, err)
	return conn
}
