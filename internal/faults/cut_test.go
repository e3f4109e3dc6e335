//go:build unix

package faults_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/faultproxy"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/natsbus"
)

// openProxy puts a proxy in front of a server, and returns it and what opens a bus through it.
func openProxy(t testing.TB, server *embed.Server, network string, options *natsbus.Options) (*faultproxy.Proxy, func() *natsbus.Bus) {
	t.Helper()
	if network == "unix" {
		path := socketPath(t)
		token, err := os.ReadFile(rendezvous.TokenFile(server.Socket()))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(rendezvous.TokenFile(path), token, 0o600))
		p := listen(t, faultproxy.Unix(path), faultproxy.Unix(server.Socket()))
		return p, func() *natsbus.Bus { return closing(t)(natsbus.Attach(background(t), path, options)) }
	}
	p := listen(t, faultproxy.TCP("127.0.0.1:0"), faultproxy.TCP(strings.TrimPrefix(server.URL(), "nats://")))
	url := "nats://" + server.Token() + "@" + p.Addr()
	return p, func() *natsbus.Bus { return closing(t)(natsbus.Connect(background(t), url, options)) }
}

func listen(t testing.TB, at, target faultproxy.Endpoint) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Listen(at, target)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// publishing publishes until it is stopped.
type publishing struct {
	quit chan struct{}
	done sync.WaitGroup
}

const (
	burst    = 10   // events on each topic in a millisecond
	inFlight = 4000 // events that a reader who is to keep up may be behind; an inbox holds 8,192
)

// startPublishing publishes in bursts, and goes on when all of the readers have nearly caught up.
func startPublishing(audit *bustest.Audit, b bus.Bus, topics []string, keepUp ...*bustest.Reader) *publishing {
	return startPublishingWith(new(atomic.Uint64), audit, b, topics, keepUp...)
}

// startPublishingWith does so as one of several publishers, which count what they publish together.
func startPublishingWith(published *atomic.Uint64, audit *bustest.Audit, b bus.Bus, topics []string, keepUp ...*bustest.Reader) *publishing {
	p := &publishing{quit: make(chan struct{})}
	id := b.Statistics().Publisher
	start := make([]uint64, len(keepUp))
	for i, r := range keepUp {
		start[i] = r.Delivered()
	}
	p.done.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			behind := false
			for i, r := range keepUp {
				behind = behind || start[i]+published.Load() > r.Delivered()+inFlight
			}
			for range burst {
				for _, topic := range topics {
					if !behind {
						_ = audit.Publish(context.Background(), b, id, process(topic, 1)) // what fails is missing
						published.Add(1)
					}
				}
			}
			select {
			case <-tick.C:
			case <-p.quit:
				return
			}
		}
	})
	return p
}

func (p *publishing) stop() {
	close(p.quit)
	p.done.Wait()
}

// TestConnectionsCutInABurst has one side of the bus behind a bad network.
func TestConnectionsCutInABurst(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		for _, side := range []string{"subscriber", "publisher"} {
			t.Run(network+", "+side, func(t *testing.T) { cutInABurst(t, network, side) })
		}
	}
}

func cutInABurst(t *testing.T, network, side string) {
	leavesNothing(t)
	var audit bustest.Audit
	server := startServer(t, &embed.Options{
		Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0", MaxPending: 1 << 20, WriteDeadline: 500 * time.Millisecond,
	})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	proxy, open := openProxy(t, server, network, &natsbus.Options{PingInterval: 100 * time.Millisecond})
	behind := open()
	from, to := bus.Bus(inside), bus.Bus(behind)
	if side == "publisher" {
		from, to = behind, inside
	}
	reader := audit.Subscribe(t, to, roomy("remote", "events.process.+", "events.#"), false, nil)
	local := audit.Subscribe(t, from, roomy("local"), false, nil)
	publisher := startPublishing(&audit, from, []string{topic, "events.process.tree", "events.network.dns"})

	back := func(reconnects uint64) {
		t.Helper()
		require.Eventually(t, func() bool {
			s := behind.Statistics()
			return s.Connected && s.Reconnects >= reconnects
		}, patience, step)
		delivered(t, reader, 200)
	}
	delivered(t, reader, 1000)
	proxy.SetLatency(20 * time.Millisecond)
	delivered(t, reader, 1000)
	proxy.SetLatency(0)
	proxy.SetBandwidth(256 << 10) // some percent of what is published
	delivered(t, reader, 300)
	proxy.SetBandwidth(0)
	delivered(t, reader, 300)
	reconnects := behind.Statistics().Reconnects
	faults := []func(){proxy.Reset, proxy.Cut, proxy.Stall}
	if side == "subscriber" { // to whom the bytes go that are counted: in the middle of a message
		faults = append(faults, func() { proxy.CutAfter(777) }, func() { proxy.CutAfter(20_001) })
	}
	for _, fault := range faults {
		fault()
		require.Eventually(t, func() bool { s := behind.Statistics(); return !s.Connected || s.Reconnects > reconnects }, patience, step)
		proxy.Resume()
		back(reconnects + 1)
		reconnects = behind.Statistics().Reconnects
	}
	proxy.Refuse(true)
	proxy.Reset()
	require.Eventually(t, unconnected(behind), patience, step)
	delivered(t, local, 1000)
	proxy.Refuse(false)
	back(reconnects + 1)

	publisher.stop()
	if err := from.Flush(background(t)); err != nil {
		require.ErrorIs(t, err, bus.ErrUndelivered, "it tells of what could not be sent meanwhile")
	}
	require.NoError(t, from.Flush(background(t)), "and tells it once")
	account := reader.Settle(t)
	t.Log("remote", account)
	require.Positive(t, account.Lost+account.Dropped)
	account = local.Settle(t)
	t.Log("local", account)
	require.Equal(t, account.Published, account.Delivered, "the fault is none of the local subscriber's business")
	works(t, &audit, from, reader, topic)
	reader.Settle(t)
	shut(t, behind)
}
