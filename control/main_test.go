package control_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/natsbus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what is waited for: much more than it takes, also on a busy machine.
const patience = 30 * time.Second

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func local(t testing.TB) *localbus.Bus {
	t.Helper()
	b, err := localbus.New(nil)
	require.NoError(t, err)
	t.Cleanup(func() { shutdown(b) })
	return b
}

// shutdown discards what is queued.
func shutdown(b bus.Bus) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.Shutdown(ctx)
}

func serve(t testing.TB, b bus.Bus, o control.Options) *control.Service {
	t.Helper()
	s, err := control.Serve(background(t), b, o)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

// text collects a log.
type text struct {
	mu      sync.Mutex
	builder strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.builder.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.builder.String()
}

// logger returns a logger without times.
func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Value.Kind() == slog.KindTime {
			return slog.Attr{}
		}
		return a
	}}))
}

// startServer starts an embedded server.
func startServer(t testing.TB) *embed.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "ec") // t.TempDir can be too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	server, err := embed.Start(background(t), &embed.Options{Socket: dir + "/s", Listen: "127.0.0.1:0", Credentials: dir + "/credentials", Role: embed.Trusted})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(background(t))) })
	inside, err := natsbus.InProcess(background(t), server, nil)
	require.NoError(t, err)
	t.Cleanup(func() { shutdown(inside) })
	return server
}

// attach returns the bus of another process.
func attach(t testing.TB, server *embed.Server) bus.Bus {
	t.Helper()
	b, err := natsbus.Attach(background(t), server.Socket(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { shutdown(b) })
	return b
}
