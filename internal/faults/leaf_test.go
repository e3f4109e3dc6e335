//go:build unix

package faults_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/natsbus"
)

// hubReader is a NATS client at the hub, which knows of this project what docs/wire.md says, and keeps account.
type hubReader struct {
	conn *nats.Conn

	mu    sync.Mutex // guards what follows
	seen  map[hubStream]*hubCount
	wrong []string
}

// hubStream is what sequence numbers count, and the host that it came under.
type hubStream struct {
	host, topic string
	publisher   uuid.UUID
}

type hubCount struct{ last, received, missing uint64 }

// openHubReader reads what hosts say about processes.
func openHubReader(t testing.TB, hub *natsprocess.Hub) *hubReader {
	t.Helper()
	r := &hubReader{seen: make(map[hubStream]*hubCount)}
	var err error
	r.conn, err = nats.Connect(hub.Watcher(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.ReconnectJitter(0, 0))
	require.NoError(t, err)
	t.Cleanup(r.conn.Close)
	_, err = r.conn.Subscribe("fleet.*.events.process.>", r.take)
	require.NoError(t, err)
	require.NoError(t, r.conn.Flush())
	return r
}

func (r *hubReader) take(msg *nats.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var event bus.Event
	if rest, err := event.UnmarshalMsg(msg.Data); err != nil || len(rest) > 0 {
		r.wrong = append(r.wrong, fmt.Sprintf("%s: %v", msg.Subject, err))
		return
	}
	host, topic, _ := strings.Cut(strings.TrimPrefix(msg.Subject, "fleet."), ".")
	k := hubStream{host, topic, event.Publisher}
	c := r.seen[k]
	if c == nil {
		c = new(hubCount)
		r.seen[k] = c
	}
	if event.Topic != topic || event.Sequence <= c.last {
		r.wrong = append(r.wrong, fmt.Sprintf("%v on %s after #%d", &event, msg.Subject, c.last))
	}
	c.missing += event.Sequence - c.last - 1
	c.last = event.Sequence
	c.received++
}

// account returns what has come of a host's events on the topic.
func (r *hubReader) account(host string, b bus.Bus) hubCount {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.seen[hubStream{host, topic, b.Statistics().Publisher}]; c != nil {
		return *c
	}
	return hubCount{}
}

// more waits until as many events more have come from a host.
func (r *hubReader) more(t testing.TB, host string, b bus.Bus, more uint64) {
	t.Helper()
	goal := r.account(host, b).received + more
	require.Eventually(t, func() bool { return r.account(host, b).received >= goal }, patience, step)
}

// settle waits until the last event of a host has come, and checks that the numbers tell of each one that is missing. If it is the
// last one that is missing, only another one can tell.
func (r *hubReader) settle(t testing.TB, h *host) hubCount {
	t.Helper()
	id := h.bus.Statistics().Publisher
	require.Eventually(t, func() bool {
		if r.account(h.name, h.bus).last == h.audit.Count(id, topic) {
			return true
		}
		require.NoError(t, h.audit.Publish(background(t), h.bus, id, process(topic, 1)))
		return false
	}, patience, 10*step)
	published, c := h.audit.Count(id, topic), r.account(h.name, h.bus)
	t.Logf("hub, host %s: published=%d received=%d missing=%d unaccounted=%d", h.name, published, c.received, c.missing,
		int64(published-c.received-c.missing))
	require.Equal(t, published, c.received+c.missing)
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(t, r.wrong)
	return c
}

// host is a host of the fleet: a server that has joined the hub, and the bus in its process.
type host struct {
	name   string
	audit  bustest.Audit // what another host publishes is none of its subscribers' business
	server *embed.Server
	bus    *natsbus.Bus
	local  *bustest.Reader
	events *publishing
}

func startHub(t testing.TB) *natsprocess.Hub {
	return natsprocess.StartHub(t, "../../testdata/nats/hub.conf")
}

func startHost(t testing.TB, hub *natsprocess.Hub, name string, accept ...string) *host {
	t.Helper()
	h := &host{name: name}
	h.server = startServer(t, &embed.Options{
		Role: embed.Trusted, Socket: socketPath(t),
		PingInterval: 2 * time.Second, // what is sent to a hub that is stopped may fit in the buffers between for long
		Leaf:         embed.LeafOptions{Hub: hub.LeafURL(), Credentials: hub.Seeds[name], CAFile: hub.CAFile, Host: name, Accept: accept},
	})
	h.bus = closing(t)(natsbus.InProcess(background(t), h.server, nil))
	h.local = h.audit.Subscribe(t, h.bus, roomy("local", "events.#"), false, nil)
	require.Eventually(t, h.server.Joined, patience, step)
	return h
}

// wanted waits until the host knows what the hub wants.
func (h *host) wanted(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool { return h.server.Interest(topic) > 0 }, patience, step)
}

// TestHubKilledWhileEventsFlow kills the hub again and again. Hosts do not notice, and the hub's subscriber knows what it has missed.
func TestHubKilledWhileEventsFlow(t *testing.T) {
	hubAway(t, 2, func(hub *natsprocess.Hub, away func()) {
		hub.Kill()
		away()
		hub.Restart(t)
	})
}

// TestHubStoppedWhileEventsFlow has a hub that takes nothing any more and does not say so. What waits for it is bounded.
func TestHubStoppedWhileEventsFlow(t *testing.T) {
	hubAway(t, 1, func(hub *natsprocess.Hub, away func()) {
		before := heap()
		hub.Signal(t, syscall.SIGSTOP)
		away()
		hub.Signal(t, syscall.SIGCONT)
		if after := heap(); after > before {
			t.Logf("the heap has grown by %d KiB", (after-before)>>10)
			require.Less(t, after-before, int64(64<<20))
		}
	})
}

func hubAway(t *testing.T, times int, fault func(hub *natsprocess.Hub, away func())) {
	leavesNothing(t)
	hub := startHub(t)
	hosts := []*host{startHost(t, hub, "a"), startHost(t, hub, "b")}
	reader := openHubReader(t, hub)
	for _, h := range hosts {
		h.wanted(t)
		h.events = startPublishing(&h.audit, h.bus, []string{topic, "events.network.dns"}, h.local)
	}
	for range times {
		for _, h := range hosts {
			reader.more(t, h.name, h.bus, 500)
		}
		fault(hub, func() {
			for _, h := range hosts {
				require.Eventually(t, func() bool { return !h.server.Joined() }, patience, step)
				require.Zero(t, h.server.Interest(topic), "nothing is encoded for a hub that is away")
				delivered(t, h.local, 2000)
			}
		})
		for _, h := range hosts {
			require.Eventually(t, h.server.Joined, patience, step)
			reader.more(t, h.name, h.bus, 500)
		}
	}
	for _, h := range hosts {
		h.events.stop()
		require.NoError(t, h.bus.Flush(background(t)))
		c := reader.settle(t, h)
		require.Positive(t, c.missing, "what was published while the hub was away")
		account := h.local.Settle(t)
		t.Log("local, host", h.name, account)
		require.Equal(t, account.Published, account.Delivered, "the fault is none of the local subscriber's business")
		require.Zero(t, h.bus.Statistics().Unsent)
	}
}

// TestOrdersOfTheHub reach the subscribers of the one host that accepts them, wherever they are, through the gate like those of
// anybody else.
func TestOrdersOfTheHub(t *testing.T) {
	leavesNothing(t)
	hub := startHub(t)
	const order = "control.collector.config"
	a, b := startHost(t, hub, "a", "control.collector.#"), startHost(t, hub, "b")
	attached := closing(t)(natsbus.Attach(background(t), a.server.Socket(), nil))
	var receivers []bus.Receiver
	for _, at := range []bus.Bus{a.bus, attached} {
		r, err := at.Subscribe(background(t), bus.Subscription{ID: "orders", Patterns: []string{"#"}})
		require.NoError(t, err)
		receivers = append(receivers, r)
	}
	foreign, err := b.bus.Subscribe(background(t), bus.Subscription{ID: "orders", Patterns: []string{"#"}})
	require.NoError(t, err)
	operator, err := nats.Connect(hub.Operator())
	require.NoError(t, err)
	defer operator.Close()

	encode := func(pid uint32, publisher uuid.UUID) []byte {
		event := process("", pid)
		event.ID, event.Time, event.Publisher, event.Sequence = uuid.New(), time.Now(), publisher, uint64(pid)
		encoded, err := event.MarshalMsg(nil)
		require.NoError(t, err)
		return encoded
	}
	send := func(subject string, data []byte) {
		t.Helper()
		require.NoError(t, operator.Publish(subject, data))
		require.NoError(t, operator.Flush())
	}
	// The hub knows what a host accepts some time after it has joined. What nobody accepts is sent all along.
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, r := range receivers {
			for {
				event, err := r.Next(context.Background())
				if err != nil {
					return
				}
				if pid, _ := event.PID(); event.Topic == order && pid == 2 {
					break
				}
			}
		}
	}()
	for tick := time.NewTicker(step); ; {
		send("fleet.a.down."+order, encode(2, uuid.Nil))
		send("fleet.a.down.control.shutdown", encode(3, uuid.Nil))
		send("fleet.b.down."+order, encode(3, uuid.Nil))
		select {
		case <-tick.C:
			continue
		case <-done:
		}
		tick.Stop()
		break
	}
	send("fleet.a.down."+order, []byte("garbage"))
	send("fleet.a.down."+order, encode(4, a.bus.Statistics().Publisher))
	send("fleet.a.down."+order, encode(5, uuid.Nil))
	for _, r := range receivers {
		for pid := uint32(0); pid != 5; {
			event, err := r.Next(background(t))
			require.NoError(t, err)
			require.Equal(t, order, event.Topic)
			pid, _ = event.PID()
			require.Contains(t, []uint32{2, 5}, pid)
		}
	}
	require.Equal(t, uint64(1), a.bus.Statistics().Malformed)
	require.Equal(t, uint64(1), a.bus.Statistics().Forged)
	require.NoError(t, b.bus.Publish(background(t), process(topic, 6)))
	event, err := foreign.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, topic, event.Topic, "nothing of the hub has come before")
	shut(t, attached)
}
