package page_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
	"github.com/daemoneye/eventbus/observe"
)

// stage is a bus of the test, with its server and its page.
type stage struct {
	t      testing.TB
	bus    *natsbus.Bus
	server *embed.Server
	http   *observe.Server
	link   string // with the token
	token  string
}

func newStage(t testing.TB) *stage {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg") // t.TempDir is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	s := &stage{t: t, token: rand.Text()}
	s.server, err = embed.Start(waiting(t), &embed.Options{Socket: filepath.Join(dir, "s"), Listen: "127.0.0.1:0", Role: embed.Trusted, Credentials: filepath.Join(dir, "c")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.server.Stop(waiting(t))) })
	s.bus, err = natsbus.InProcess(waiting(t), s.server, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.bus.Shutdown(ctx) // what is queued is of no interest
	})
	s.http, err = observe.Start(waiting(t), s.bus, &observe.Options{Page: true, EventsToken: s.token, QueueFull: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.http.Stop(waiting(t))) })
	s.link = s.http.URL() + "/#token=" + s.token
	return s
}

// attach returns a bus on the socket.
func (s *stage) attach() *natsbus.Bus {
	s.t.Helper()
	b, err := natsbus.Attach(waiting(s.t), s.server.Socket(), nil)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, b.Shutdown(waiting(s.t))) })
	return b
}

// subscribe subscribes. Nobody reads.
func (s *stage) subscribe(subscription bus.Subscription) bus.Receiver {
	s.t.Helper()
	r, err := s.bus.Subscribe(waiting(s.t), subscription)
	require.NoError(s.t, err)
	return r
}

func (s *stage) publish(events ...bus.Event) {
	s.t.Helper()
	for _, event := range events {
		require.NoError(s.t, s.bus.Publish(waiting(s.t), event))
	}
}

// lose lets a publisher outside skip some numbers.
func (s *stage) lose(events uint64) {
	s.t.Helper()
	conn, err := nats.Connect("nats://" + s.server.Token() + "@" + s.server.URL()[len("nats://"):])
	require.NoError(s.t, err)
	defer conn.Close()
	publisher := uuid.New()
	for _, sequence := range []uint64{1, events + 2} {
		encoded, err := (&bus.Event{
			Publisher: publisher, Sequence: sequence, Source: "elsewhere",
			Payload: &bus.NetworkEvent{ConnectionID: "c", Protocol: "tcp", LocalAddr: "10.0.0.1:22", RemoteAddr: "10.0.0.2:50122", State: "established"},
		}).MarshalMsg(nil)
		require.NoError(s.t, err)
		require.NoError(s.t, conn.Publish("events.network.connections", encoded))
	}
	require.NoError(s.t, conn.Flush())
}

func process(pid uint32, name string, command ...string) bus.Event {
	return bus.Event{Source: "test", Payload: &bus.ProcessEvent{PID: pid, Name: name, CommandLine: command, Timestamp: time.Now()}}
}

// waiting returns a context that ends when a wait has taken too long.
func waiting(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
