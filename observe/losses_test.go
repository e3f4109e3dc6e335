package observe_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
)

const topic = "events.process.lifecycle"

// plain is a NATS client that numbers its events itself.
type plain struct {
	t    testing.TB
	conn *nats.Conn
	id   uuid.UUID
}

func newPlain(t testing.TB, server *embed.Server) *plain {
	t.Helper()
	conn, err := nats.Connect("nats://" + server.Token() + "@" + strings.TrimPrefix(server.URL(), "nats://"))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	return &plain{t: t, conn: conn, id: uuid.New()}
}

// send publishes an event with that number.
func (p *plain) send(publisher uuid.UUID, sequence uint64) {
	p.t.Helper()
	event := process(1)
	event.ID, event.Time, event.Topic = uuid.New(), time.Now(), topic
	event.Correlation = bus.Correlation{ID: "c", RootID: "c"}
	event.Publisher, event.Sequence = publisher, sequence
	data, err := event.MarshalMsg(nil)
	require.NoError(p.t, err)
	require.NoError(p.t, p.conn.Publish(topic, data))
}

func TestWhatPlainClientsDoWrongIsMetered(t *testing.T) {
	server := startServer(t, embed.Options{Role: embed.Trusted})
	b := inside(t, server)
	subscribe(t, b, bus.Subscription{ID: "s", Patterns: []string{"events.#"}})
	m := newMeter(t, b)
	p := newPlain(t, server)
	m.becomes(1, "server_clients")
	for _, counter := range []string{"lost_events_total{subscription=s}", "stale_events_total", "untracked_events_total", "malformed_messages_total", "forged_messages_total"} {
		m.is(0, counter)
	}
	p.send(p.id, 1)
	p.send(p.id, 5)
	m.becomes(3, "lost_events_total{subscription=s}")
	p.send(p.id, 1)
	m.becomes(1, "stale_events_total")
	p.send(p.id, 0)
	m.becomes(1, "untracked_events_total")
	require.NoError(t, p.conn.Publish(topic, []byte("garbage")))
	m.becomes(1, "malformed_messages_total")
	p.send(b.Statistics().Publisher, 1)
	m.becomes(1, "forged_messages_total")
	m.is(3, "lost_events_total{subscription=s}")
	require.Positive(t, m.read()["server_subscriptions"])
	m.is(0, "server_slow_clients_total")
}

// TestAClientThatDoesNotReadIsMetered has a client subscribe that reads nothing from then on.
func TestAClientThatDoesNotReadIsMetered(t *testing.T) {
	server := startServer(t, embed.Options{Role: embed.Trusted, MaxPending: 1 << 20, WriteDeadline: 100 * time.Millisecond})
	b := inside(t, server)
	m := newMeter(t, b)
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL(), "nats://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "CONNECT {\"auth_token\":%q,\"verbose\":false}\r\nSUB events.> 1\r\nPING\r\n", server.Token())
	require.NoError(t, err)
	lines := bufio.NewScanner(conn)
	for lines.Scan() && lines.Text() != "PONG" {
	}
	require.NoError(t, lines.Err())
	m.is(1, "server_clients")
	m.is(0, "server_slow_clients_total")
	event := bus.Event{Payload: &bus.ProcessEvent{Name: strings.Repeat("n", 60_000)}}
	require.Eventually(t, func() bool {
		for range 10 {
			require.NoError(t, b.Publish(background(t), event))
		}
		return m.read()["server_slow_clients_total"] == 1
	}, patience, step)
	m.becomes(0, "server_clients")
}

func TestWhatTheServerForbidsIsMetered(t *testing.T) {
	server := startServer(t, embed.Options{Role: "process"})
	inside(t, server)
	b := attach(t, server)
	m := newMeter(t, b)
	m.is(0, "forbidden_messages_total")
	require.NoError(t, b.Publish(background(t), bus.Event{Payload: &bus.NetworkEvent{ConnectionID: "c"}}))
	require.NoError(t, b.Flush(background(t)))
	m.becomes(1, "forbidden_messages_total")
	require.NotContains(t, m.read(), "server_clients", "the server is in another bus's hands")
}

func TestALostConnectionIsMetered(t *testing.T) {
	server := startServer(t, embed.Options{Role: embed.Trusted})
	collector := inside(t, server)
	b := attach(t, server)
	m := newMeter(t, b)
	m.is(1, "connected")
	m.is(0, "disconnected_seconds")
	require.NoError(t, collector.Shutdown(background(t)))
	require.NoError(t, server.Stop(background(t)))
	m.becomes(0, "connected")
	require.Eventually(t, func() bool { return m.read()["disconnected_seconds"] > 0 }, patience, step)

	inside(t, startServer(t, embed.Options{Role: embed.Trusted, Socket: server.Socket()}))
	m.becomes(1, "connected")
	m.becomes(1, "reconnects_total")
	m.is(0, "disconnected_seconds")
}

// stalling is a server that stops reading from the bus of its process when it is told to, until it is told to go on.
type stalling struct {
	*embed.Server
	on      atomic.Bool
	stalled chan struct{} // gets a token when a write has begun to wait
	goOn    chan struct{} // ends all waiting when it is closed
}

func (s *stalling) InProcessConn() (net.Conn, error) {
	conn, err := s.Server.InProcessConn()
	return &stallingConn{conn, s}, err
}

type stallingConn struct {
	net.Conn
	server *stalling
}

func (c *stallingConn) Write(p []byte) (int, error) {
	if c.server.on.Load() {
		select {
		case c.server.stalled <- struct{}{}:
		default:
		}
		<-c.server.goOn
	}
	return c.Conn.Write(p)
}

// TestWhatCannotBeSentIsMetered publishes more than may wait for a server that takes nothing: at the publisher it is unsent, and at
// the subscriber lost.
func TestWhatCannotBeSentIsMetered(t *testing.T) {
	const events, size = 800, 60_000
	server := &stalling{Server: startServer(t, embed.Options{Role: embed.Trusted}), stalled: make(chan struct{}, 1), goOn: make(chan struct{})}
	goOn := sync.OnceFunc(func() { close(server.goOn) })
	publisher := inside(t, server)
	t.Cleanup(goOn) // before the bus is closed
	other := attach(t, server.Server)
	r := subscribe(t, other, bus.Subscription{ID: "s", Patterns: []string{"events.#"}})
	atPublisher, atOther := newMeter(t, publisher), newMeter(t, other)
	require.NoError(t, publisher.Publish(background(t), process(0)))
	_, err := r.Next(background(t))
	require.NoError(t, err)
	atPublisher.is(0, "unsent_events_total")

	event := bus.Event{Payload: &bus.ProcessEvent{Name: strings.Repeat("n", size)}}
	server.on.Store(true)
	caught := make(chan error)
	go func() { caught <- publisher.Publish(context.Background(), event) }() // it sends, and waits for the server
	<-server.stalled
	for range events {
		require.NoError(t, publisher.Publish(background(t), event))
	}
	goOn()
	require.NoError(t, <-caught)
	unsent := atPublisher.read()["unsent_events_total"]
	require.Positive(t, unsent)
	require.NoError(t, publisher.Flush(background(t)))
	atOther.becomes(unsent, "lost_events_total{subscription=s}")
}
