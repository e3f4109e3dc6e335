package eventbus_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestContract runs the contract on what the configuration gives: the toggle changes nothing.
func TestContract(t *testing.T) {
	for _, kind := range []eventbus.BusType{"nats", "local"} {
		t.Run("bus_type="+string(kind), func(t *testing.T) {
			bustest.Run(t, func(t testing.TB, options bus.Options) bustest.Pair {
				dir, err := os.MkdirTemp("", "eb")
				require.NoError(t, err)
				b, err := eventbus.Open(t.Context(), eventbus.Config{
					BusType: kind, MaxSubscribers: options.MaxSubscribers, QueueCapacity: options.QueueCapacity, Overflow: options.Overflow,
					CircuitBreak: options.CircuitBreak, PublishTimeout: options.PublishTimeout, Logger: options.Logger,
					NATS: eventbus.NATSConfig{SocketPath: dir + "/s", MaxPayload: eventbus.ByteSize(options.MaxEventSize)},
				})
				require.NoError(t, err)
				t.Cleanup(func() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
					defer cancel()
					_ = b.Shutdown(ctx) // what a case left queued is of no interest
					require.Eventually(t, func() bool {
						_, err := os.Lstat(dir + "/s")
						return errors.Is(err, os.ErrNotExist)
					}, 10*time.Second, time.Millisecond, "the socket is gone, at the latest soon after")
					require.NoError(t, os.RemoveAll(dir))
				})
				return bustest.Pair{Publisher: b, Subscriber: b}
			})
		})
	}
}

func TestOpenTheZeroConfig(t *testing.T) {
	dir := shortDir(t)
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("XDG_STATE_HOME", dir+"/state")
	b, err := eventbus.Open(t.Context(), eventbus.Config{})
	require.NoError(t, err)
	endpoints := b.(eventbus.Listener).Endpoints()
	require.Equal(t, dir+"/eventbus/eventbus.sock", endpoints.Socket)
	require.Empty(t, endpoints.URL)
	info, err := os.Lstat(endpoints.Socket)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o600, info.Mode())

	_, err = eventbus.Open(t.Context(), eventbus.Config{})
	inUse, ok := errors.AsType[*embed.InUseError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, os.Getpid(), inUse.PID)

	require.NoError(t, b.Shutdown(t.Context()))
	require.NoFileExists(t, endpoints.Socket)
	require.NoFileExists(t, endpoints.TokenFile)
}

// What a configuration says of roles is what the server does: an observer of the socket may not publish, and the shared credential may.
func TestOpenSetsRolesAndSharing(t *testing.T) {
	dir := shortDir(t)
	config := eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: dir + "/s", Role: embed.Observer, Shared: eventbus.SharedAttach}}
	first, err := eventbus.Open(t.Context(), config)
	require.NoError(t, err)
	defer first.Shutdown(context.Background())
	require.False(t, first.(eventbus.Listener).Endpoints().Attached)
	detector, err := first.Subscribe(t.Context(), bus.Subscription{ID: "d", Patterns: []string{"events.#"}})
	require.NoError(t, err)

	second, err := eventbus.Open(t.Context(), config)
	require.NoError(t, err)
	defer second.Shutdown(context.Background())
	require.True(t, second.(eventbus.Listener).Endpoints().Attached)
	observer, err := natsbus.Attach(t.Context(), dir+"/s", nil)
	require.NoError(t, err)
	defer observer.Shutdown(context.Background())
	for pid, b := range []bus.Bus{observer, second} {
		require.NoError(t, b.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: uint32(pid), Name: "p"}}))
		require.NoError(t, b.Flush(t.Context()))
	}
	event, err := detector.Next(t.Context())
	require.NoError(t, err)
	pid, _ := event.PID()
	require.Equal(t, uint32(1), pid, "the observer's is refused")
	require.Eventually(t, func() bool { return observer.Statistics().Forbidden == 1 }, 10*time.Second, time.Millisecond)

	_, err = eventbus.Open(t.Context(), eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: dir + "/s2", Role: "nobody"}})
	require.ErrorContains(t, err, "nobody")
}

// A key that is not there, and will not be, is an error at once: the server that lets clients in has made what it makes.
func TestSharingWithoutAKeyIsAnErrorAtOnce(t *testing.T) {
	socket := shortDir(t) + "/s"
	alone, err := eventbus.Open(t.Context(), eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: socket}})
	require.NoError(t, err)
	defer alone.Shutdown(context.Background())
	for _, c := range []struct{ credentials, missing, remedy string }{
		{"", "trusted.nk", "set event_bus.nats.shared there, too"}, {"other.nk", "other.nk", "eventbus creds make"},
	} {
		began := time.Now()
		_, err = eventbus.Open(t.Context(), eventbus.Config{
			NATS: eventbus.NATSConfig{SocketPath: socket, Shared: eventbus.SharedAttach, Credentials: c.credentials},
		})
		require.ErrorIs(t, err, bus.ErrInvalid)
		require.ErrorContains(t, err, c.missing)
		require.ErrorContains(t, err, c.remedy)
		require.Less(t, time.Since(began), 2*time.Second, "it waits for nothing")
	}
}

// TestTheContextEndsAnOpen has a server that accepts connections and says nothing, while its key is awaited.
func TestTheContextEndsAnOpen(t *testing.T) {
	socket := shortDir(t) + "/s"
	silent, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = eventbus.Open(ctx, eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: socket, Shared: eventbus.SharedAttach}})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(began), 2*time.Second)
}

// A circuit that the configuration sets, and not the subscription, opens as set.
func TestOpenSetsTheCircuit(t *testing.T) {
	for _, kind := range []eventbus.BusType{"nats", "local"} {
		b, err := eventbus.Open(t.Context(), eventbus.Config{
			BusType: kind, QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 2, CoolDown: time.Hour},
			NATS: eventbus.NATSConfig{SocketPath: shortDir(t) + "/s"},
		})
		require.NoError(t, err)
		r, err := b.Subscribe(t.Context(), bus.Subscription{ID: "slow"})
		require.NoError(t, err)
		for range 4 { // one is queued, two overflow, and the last one finds the circuit open
			require.NoError(t, b.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: 1}}))
		}
		statistics := r.Statistics()
		require.Equal(t, bus.CircuitOpen, statistics.Circuit, kind)
		require.Equal(t, bus.Drops{Overflow: 2, Circuit: 1}, statistics.Drops, kind)
		_, err = r.TryNext()
		require.NoError(t, err)
		require.NoError(t, b.Shutdown(t.Context()))
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, config := range map[string]eventbus.Config{
		"bus_type":       {BusType: "carrier-pigeon"},
		"queue_capacity": {QueueCapacity: -1},
		"overflow":       {Overflow: 99},
		"cool_down":      {CircuitBreak: bus.CircuitBreak{CoolDown: -1}},
		"listen":         {NATS: eventbus.NATSConfig{SocketPath: shortDir(t) + "/s", Listen: "0.0.0.0:4222"}},
	} {
		b, err := eventbus.Open(t.Context(), config)
		require.Nil(t, b)
		require.ErrorContains(t, err, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := eventbus.Open(ctx, eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: shortDir(t) + "/s"}})
	require.ErrorIs(t, err, context.Canceled)
}

// shortDir returns a temporary directory whose path leaves room for a socket's name.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}
