package natsbus_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

func process(pid uint32) bus.Event {
	return bus.Event{Payload: &bus.ProcessEvent{PID: pid, Name: "p", Timestamp: time.Now()}}
}

func subscribe(t testing.TB, b bus.Bus, id string, patterns ...string) bus.Receiver {
	r, err := b.Subscribe(background(t), bus.Subscription{ID: id, Patterns: patterns, QueueCapacity: 1 << 16})
	require.NoError(t, err)
	return r
}

func nextPID(t testing.TB, r bus.Receiver) uint32 {
	event, err := r.Next(background(t))
	require.NoError(t, err)
	pid, _ := event.PID()
	return pid
}

// plain connects a NATS client that knows nothing of this project.
func plain(t testing.TB, server *embed.Server) *nats.Conn {
	nc, err := nats.Connect(tokenURL(server))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func TestSendsOnlyWhatSomebodyOutsideWants(t *testing.T) {
	server := startServer(t)
	b := closing(t)(natsbus.InProcess(background(t), server, nil))
	inside := subscribe(t, b, "inside", "events.#")
	require.NoError(t, b.Publish(background(t), process(1)))
	require.Equal(t, uint32(1), nextPID(t, inside))
	require.Zero(t, natsbus.SentMessages(b), "nobody is outside")

	nc := plain(t, server)
	network, err := nc.SubscribeSync("events.network.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	require.NoError(t, b.Publish(background(t), process(2)))
	require.Zero(t, natsbus.SentMessages(b), "nobody outside wants process events")
	require.NoError(t, b.Publish(background(t), bus.Event{Payload: &bus.NetworkEvent{ConnectionID: "c"}}))
	require.Equal(t, uint64(1), natsbus.SentMessages(b))
	msg, err := network.NextMsg(patience)
	require.NoError(t, err)
	require.Equal(t, "events.network.connections", msg.Subject)

	require.NoError(t, network.Unsubscribe())
	require.NoError(t, nc.Flush())
	require.NoError(t, b.Publish(background(t), bus.Event{Payload: &bus.NetworkEvent{ConnectionID: "c"}}))
	require.Equal(t, uint64(1), natsbus.SentMessages(b), "interest has gone")
}

// wellFormed is an event as a plain client might write it.
func wellFormed(t testing.TB, edit func(map[string]any)) []byte {
	id := uuid.New()
	event := map[string]any{
		"id": id[:], "time": time.Now(), "type": "process",
		"payload": map[string]any{"pid": 7, "name": "p", "timestamp": time.Now()},
	}
	edit(event)
	data, err := msgpack.Marshal(event)
	require.NoError(t, err)
	return data
}

func TestPlainClientPublishes(t *testing.T) {
	server := startServer(t)
	b := closing(t)(natsbus.InProcess(background(t), server, nil))
	r := subscribe(t, b, "s", "events.process.+")
	nc := plain(t, server)
	// The least that an event needs: the rest is filled in on arrival.
	require.NoError(t, nc.Publish("events.process.tree", wellFormed(t, func(e map[string]any) { delete(e, "id"); delete(e, "time") })))
	event, err := r.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, "events.process.tree", event.Topic)
	require.NotZero(t, event.ID)
	require.WithinDuration(t, time.Now(), event.Time, patience)
	require.NotEmpty(t, event.Correlation.ID)
	pid, _ := event.PID()
	require.Equal(t, uint32(7), pid)
	require.Equal(t, uint64(1), b.Statistics().Received)
}

func TestGarbageIsCountedAndSkipped(t *testing.T) {
	server := startServer(t)
	var log bytes.Buffer
	b := closing(t)(natsbus.InProcess(background(t), server, &natsbus.Options{
		Bus: bus.Options{MaxEventSize: 4096, Logger: slog.New(slog.NewTextHandler(&log, nil))},
	}))
	r := subscribe(t, b, "s", "#")
	nc := plain(t, server)
	good := wellFormed(t, func(map[string]any) {})
	garbage := []struct {
		subject string
		data    []byte
	}{
		{"events.process.lifecycle", nil},
		{"events.process.lifecycle", []byte("hello")},
		{"events.process.lifecycle", bytes.Repeat([]byte{0xff}, 100)},
		{"events.process.lifecycle", good[:len(good)-1]},
		{"events.process.lifecycle", append(bytes.Clone(good), 0xc0)},
		{"events.process.lifecycle", append(bytes.Clone(good), make([]byte, 5000)...)},
		{"events.process.lifecycle", wellFormed(t, func(e map[string]any) { e["topic"] = "events.process.tree" })},
		{"events.process.lifecycle", wellFormed(t, func(e map[string]any) { e["correlation"] = map[string]any{"stage": strings.Repeat("x", 200)} })},
		{"events.process.lifecycle", wellFormed(t, func(e map[string]any) { e["payload"] = map[string]any{"cpu_usage": 1, "hash_algorithm": "md5"} })},
		{"events.process.lifecycle", wellFormed(t, func(e map[string]any) { e["type"] = "TYPE" })},
		{"events.process.lifecycle", wellFormed(t, func(e map[string]any) { e["sequence"] = uint64(math.MaxInt64 + 1) })},
		{"events.Upper.Case", good},
		{"events.a.b.c.d.e.f", good},
		{"events.one.two three", good},
		{"control.trigger.request", wellFormed(t, func(e map[string]any) { e["type"], e["payload"] = "trigger", map[string]any{"trigger_id": "t"} })},
	}
	sent := 0
	for range 100 {
		for _, g := range garbage {
			if strings.Contains(g.subject, " ") {
				continue // nats.go itself refuses it
			}
			require.NoError(t, nc.Publish(g.subject, g.data))
			sent++
		}
	}
	require.NoError(t, nc.Publish("events.process.lifecycle", good))
	require.Equal(t, uint32(7), nextPID(t, r), "the subscription has survived, and got nothing else")
	require.Equal(t, uint64(sent), b.Statistics().Malformed)
	require.Equal(t, uint64(1), b.Statistics().Received)
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "a flood of garbage is no flood of log lines")
}

func TestForgedPublisherIsRefused(t *testing.T) {
	server := startServer(t)
	b := closing(t)(natsbus.InProcess(background(t), server, nil))
	r := subscribe(t, b, "s", "#")
	require.NoError(t, b.Publish(background(t), process(1)))
	own, err := r.Next(background(t))
	require.NoError(t, err)
	nc := plain(t, server)
	require.NoError(t, nc.Publish("events.process.tree", wellFormed(t, func(e map[string]any) { e["publisher"] = own.Publisher[:] })))
	require.NoError(t, nc.Publish("events.process.tree", wellFormed(t, func(map[string]any) {})))
	require.Equal(t, uint32(7), nextPID(t, r))
	require.Equal(t, uint64(1), b.Statistics().Forged)
}

func TestInterestFollowsSubscriptions(t *testing.T) {
	b := closing(t)(natsbus.Attach(background(t), startServer(t).Socket(), nil))
	for i := range 10 {
		subscribe(t, b, fmt.Sprint(i), "events.process.+", "events.a.#")
	}
	require.Equal(t, 3, natsbus.Subjects(b), "one for each subject: events.process.*, events.a and events.a.>")
	for i := range 10 {
		require.NoError(t, b.Unsubscribe(background(t), fmt.Sprint(i)))
	}
	require.Equal(t, 0, natsbus.Subjects(b))
}

func TestSubjectsLeaveWhenNoneThatIsNeededOverlaps(t *testing.T) {
	b := closing(t)(natsbus.Attach(background(t), startServer(t).Socket(), nil))
	unsubscribe := func(id string) { require.NoError(t, b.Unsubscribe(background(t), id)) }
	subscribe(t, b, "all", "events.>")
	subscribe(t, b, "process", "events.process.+")
	subscribe(t, b, "health", "control.health.status")
	require.Equal(t, 3, natsbus.Subjects(b))
	unsubscribe("health")
	require.Equal(t, 2, natsbus.Subjects(b))
	unsubscribe("all")
	require.Equal(t, 2, natsbus.Subjects(b), "events.> overlaps with what is needed")
	unsubscribe("process")
	require.Equal(t, 0, natsbus.Subjects(b))
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"events.a", "events.a", true},
		{"events.a", "events.b", false},
		{"events.a", "events.*", true},
		{"events.*.x", "events.a.*", true},
		{"events.*.x", "events.a.y", false},
		{"events.a", "events.a.b", false},
		{"events.a", "events.a.>", false},
		{"events.>", "events.a.b.c", true},
		{"events.>", "control.>", false},
		{"events.*", "events.>", true},
		{"events.*.*", "events.a", false},
	} {
		require.Equal(t, c.want, natsbus.Overlap(c.a, c.b), "%s %s", c.a, c.b)
		require.Equal(t, c.want, natsbus.Overlap(c.b, c.a), "%s %s", c.b, c.a)
	}
}

// Who gives up while it connects has lost nothing, and is not reconnecting.
func TestGivingUpIsNoLostConnection(t *testing.T) {
	before := goleak.IgnoreCurrent()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	ctx, giveUp := context.WithCancel(context.Background())
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "INFO {\"proto\":1,\"max_payload\":1048576}\r\n")
		lines, pings := bufio.NewScanner(conn), 0
		for lines.Scan() {
			if lines.Text() != "PING" {
				continue
			}
			if pings++; pings > 1 { // the one of who has connected already: it waits for an answer
				giveUp()
				continue
			}
			fmt.Fprintf(conn, "PONG\r\n")
		}
	}()
	var log bytes.Buffer
	_, err = natsbus.Connect(ctx, "nats://"+listener.Addr().String(), &natsbus.Options{Bus: bus.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}})
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, goleak.Find(before)) // what the connection has to say, it has said then
	require.NotContains(t, log.String(), "lost")
}

func TestConnectErrorsNameTheServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, err = natsbus.Connect(background(t), "nats://name:secret@"+address, nil)
	require.ErrorContains(t, err, address)
	require.NotContains(t, err.Error(), "secret")

	for _, bad := range []string{"", "nats://u:%zz-secret@h", "nats://ok:1,nats://x:secret@", "nats://secret@h:port"} {
		_, err = natsbus.Connect(background(t), bad, nil)
		require.ErrorIs(t, err, bus.ErrInvalid, bad)
		require.NotContains(t, err.Error(), "secret")
	}

	_, err = natsbus.Attach(background(t), "/nowhere/at/all.sock", nil)
	require.ErrorContains(t, err, "/nowhere/at/all.sock")

	_, err = natsbus.Connect(background(t), tokenURL(startServer(t))+"0", &natsbus.Options{Bus: bus.Options{QueueCapacity: -1}})
	require.ErrorIs(t, err, bus.ErrInvalid)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = natsbus.InProcess(ctx, startServer(t), nil)
	require.ErrorIs(t, err, context.Canceled)
}
