//go:build unix

package faults_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

func TestMain(m *testing.M) {
	if place, ok := os.LookupEnv(roleVariable); ok {
		os.Exit(runRole(place))
	}
	goleak.VerifyTestMain(m)
}

const (
	patience = bustest.Patience
	step     = 5 * time.Millisecond
)

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// leavesNothing checks, when everything that the test opens from here on is closed, that no goroutine and no file or socket
// is left.
func leavesNothing(t *testing.T) {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	before := len(openFiles(t))
	t.Cleanup(func() {
		var running error
		for deadline := time.Now().Add(patience); ; { // goleak alone gives them less than half a second
			if running = goleak.Find(ignore); running == nil || time.Now().After(deadline) {
				break
			}
		}
		require.NoError(t, running)
		left := func() bool { return len(openFiles(t)) > before }
		for deadline := time.Now().Add(patience); left(); <-time.After(step) {
			// nats.go forgets to close a connection that fails while it is made anew. The garbage collector does it.
			runtime.GC()
			if time.Now().After(deadline) {
				require.Fail(t, "files or sockets are left open", "%d were, now %v", before, openFiles(t))
			}
		}
	})
}

// openFiles says what this process has open, where the system tells.
func openFiles(t testing.TB) (names []string) {
	if runtime.GOOS != "linux" {
		return nil
	}
	const dir = "/proc/self/fd/"
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if name, err := os.Readlink(dir + e.Name()); err == nil { // the one of the directory is closed by now
			names = append(names, name)
		}
	}
	return names
}

// socketPath returns a path that is short enough for a socket.
func socketPath(t testing.TB) string {
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "s")
}

// closing shuts a bus down at the end of the test, by when nothing may be queued any more.
func closing(t testing.TB) func(*natsbus.Bus, error) *natsbus.Bus {
	t.Helper()
	return func(b *natsbus.Bus, err error) *natsbus.Bus {
		t.Helper()
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Shutdown(background(t))) })
		return b
	}
}

// shut shuts a bus down before what it is connected to ends.
func shut(t testing.TB, b bus.Bus) {
	t.Helper()
	require.NoError(t, b.Shutdown(background(t)))
}

func startServer(t testing.TB, options *embed.Options) *embed.Server {
	t.Helper()
	server, err := embed.Start(background(t), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(background(t))) })
	return server
}

// roomy is a subscription whose queue is not what an event gets stuck in.
func roomy(id string, patterns ...string) bus.Subscription {
	return bus.Subscription{ID: id, Patterns: patterns, QueueCapacity: 1 << 16, Overflow: bus.DropNewest}
}

func connected(b bus.Bus) func() bool   { return func() bool { return b.Statistics().Connected } }
func unconnected(b bus.Bus) func() bool { return func() bool { return !b.Statistics().Connected } }

// delivered waits until a reader has got as many events more.
func delivered(t testing.TB, r *bustest.Reader, more uint64) {
	t.Helper()
	goal := r.Delivered() + more
	require.Eventually(t, func() bool { return r.Delivered() >= goal }, patience, step)
}

// works shows that a bus still brings an event to a reader.
func works(t testing.TB, audit *bustest.Audit, b bus.Bus, r *bustest.Reader, topic string) {
	t.Helper()
	goal := r.Delivered()
	require.NoError(t, audit.Publish(background(t), b, b.Statistics().Publisher, process(topic, 1)))
	require.NoError(t, b.Flush(background(t)))
	require.Eventually(t, func() bool { return r.Delivered() > goal }, patience, step)
}
