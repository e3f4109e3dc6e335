package natsbus_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/natsbus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ natsbus.Server = (*embed.Server)(nil)

const patience = 20 * time.Second

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// startServer starts an embedded server on a socket in a directory with a short path, and on a loopback port.
func startServer(t testing.TB) *embed.Server {
	return startServerAt(t, filepath.Join(shortDir(t), "s"))
}

// shortDir returns a directory with a name that is short enough for a socket.
func shortDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func startServerAt(t testing.TB, socket string) *embed.Server {
	return startServerWith(t, &embed.Options{Socket: socket, Role: embed.Trusted})
}

func startServerWith(t testing.TB, options *embed.Options) *embed.Server {
	if options.Socket == "" {
		options.Socket = shortDir(t) + "/s"
	}
	options.Listen = "127.0.0.1:0"
	server, err := embed.Start(background(t), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(background(t))) })
	return server
}

// closing shuts the bus down at the end of the test; what a test left queued is of no interest.
func closing(t testing.TB) func(*natsbus.Bus, error) *natsbus.Bus {
	return func(b *natsbus.Bus, err error) *natsbus.Bus {
		require.NoError(t, err)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			_ = b.Shutdown(ctx)
		})
		return b
	}
}

func tokenURL(server *embed.Server) string {
	return "nats://" + server.Token() + "@" + server.URL()[len("nats://"):]
}

// transports are all the ways between a publisher and a subscriber.
var transports = []struct {
	name string
	open bustest.Opener
}{
	{"in-process", func(t testing.TB, options bus.Options) bustest.Pair {
		b := closing(t)(natsbus.InProcess(background(t), startServer(t), &natsbus.Options{Bus: options}))
		return bustest.Pair{Publisher: b, Subscriber: b}
	}},
	{"unix socket, out", func(t testing.TB, options bus.Options) bustest.Pair {
		server := startServer(t)
		return bustest.Pair{
			Publisher:  closing(t)(natsbus.InProcess(background(t), server, &natsbus.Options{Bus: options})),
			Subscriber: closing(t)(natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Bus: options})),
		}
	}},
	{"unix socket, in", func(t testing.TB, options bus.Options) bustest.Pair {
		server := startServer(t)
		return bustest.Pair{
			Subscriber: closing(t)(natsbus.InProcess(background(t), server, &natsbus.Options{Bus: options})),
			Publisher:  closing(t)(natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Bus: options})),
		}
	}},
	{"loopback", func(t testing.TB, options bus.Options) bustest.Pair {
		server := startServer(t)
		closing(t)(natsbus.InProcess(background(t), server, nil))
		return bustest.Pair{
			Publisher:  closing(t)(natsbus.Connect(background(t), tokenURL(server), &natsbus.Options{Bus: options})),
			Subscriber: closing(t)(natsbus.Connect(background(t), tokenURL(server), &natsbus.Options{Bus: options})),
		}
	}},
	{"nats-server", func(t testing.TB, options bus.Options) bustest.Pair {
		url := natsprocess.Start(t, "-1").URL
		return bustest.Pair{
			Publisher:  closing(t)(natsbus.Connect(background(t), url, &natsbus.Options{Bus: options})),
			Subscriber: closing(t)(natsbus.Connect(background(t), url, &natsbus.Options{Bus: options})),
		}
	}},
	{"nats-server, one bus", func(t testing.TB, options bus.Options) bustest.Pair {
		b := closing(t)(natsbus.Connect(background(t), natsprocess.Start(t, "-1").URL, &natsbus.Options{Bus: options}))
		return bustest.Pair{Publisher: b, Subscriber: b}
	}},
}

func TestContract(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			t.Parallel() // the cases wait more than they work
			bustest.Run(t, transport.open)
		})
	}
}

func TestModel(t *testing.T) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) { bustest.Model(t, transport.open) })
	}
}

// TestEqualStatistics does the same work on the local bus and over every transport.
func TestEqualStatistics(t *testing.T) {
	want := bustest.Work(t, func(t testing.TB, options bus.Options) bustest.Pair {
		b, err := localbus.New(&options)
		require.NoError(t, err)
		return bustest.Pair{Publisher: b, Subscriber: b}
	})
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			require.Equal(t, want, bustest.Work(t, transport.open))
		})
	}
}

// testLogger writes to the test's log.
func testLogger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}
