//go:build unix

package faults_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/natsbus"
)

// pair is where a benchmark publishes and where it subscribes.
type pair struct {
	from, to bus.Bus
	url      string // where a plain NATS client connects, if there is a server
}

// isolated are options under which a publisher that waits for a stuck subscriber waits for ever.
func isolated() bus.Options { return bus.Options{PublishTimeout: time.Hour} }

var pairs = []struct {
	name string
	open func(t testing.TB) pair
}{
	{"local", func(t testing.TB) pair {
		b, err := localbus.New(new(isolated()))
		require.NoError(t, err)
		return pair{from: b, to: b}
	}},
	{"in-process", func(t testing.TB) pair {
		server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0"})
		b, err := natsbus.InProcess(background(t), server, &natsbus.Options{Bus: isolated()})
		require.NoError(t, err)
		return pair{b, b, clientURL(server)}
	}},
	{"unix-socket", func(t testing.TB) pair {
		server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0"})
		from, err := natsbus.InProcess(background(t), server, &natsbus.Options{Bus: isolated()})
		require.NoError(t, err)
		to, err := natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Bus: isolated()})
		require.NoError(t, err)
		return pair{from, to, clientURL(server)}
	}},
	{"loopback", func(t testing.TB) pair {
		server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0"})
		url := clientURL(server)
		between, err := natsbus.InProcess(background(t), server, &natsbus.Options{Bus: isolated()}) // passes on what clients publish
		require.NoError(t, err)
		t.Cleanup(func() { cutOff(between) })
		from, err := natsbus.Connect(background(t), url, &natsbus.Options{Bus: isolated()})
		require.NoError(t, err)
		to, err := natsbus.Connect(background(t), url, &natsbus.Options{Bus: isolated()})
		require.NoError(t, err)
		return pair{from, to, clientURL(server)}
	}},
	{"nats-server", func(t testing.TB) pair {
		url := natsprocess.Start(t, "-1").URL
		from, err := natsbus.Connect(background(t), url, &natsbus.Options{Bus: isolated()})
		require.NoError(t, err)
		to, err := natsbus.Connect(background(t), url, &natsbus.Options{Bus: isolated()})
		require.NoError(t, err)
		return pair{from, to, url}
	}},
}

// cutOff ends a bus at once, whatever is queued.
func cutOff(b bus.Bus) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.Shutdown(ctx)
}

// measure publishes events and returns how many a second a healthy subscriber has got. Over a network the publisher
// waits while it is too far ahead; in one process the subscriber's block policy makes it wait. It gives up after a minute.
func measure(t testing.TB, p pair, r bus.Receiver, events int) float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	start := time.Now()
	begin := r.Statistics().Delivered
	done := make(chan error, 1)
	go func() {
		for range events {
			if _, err := r.Next(ctx); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	event := process(topic, 1)
	for i := range events {
		for i%500 == 0 && p.from != p.to && uint64(i) > r.Statistics().Delivered-begin+inFlight {
			runtime.Gosched()
			require.NoError(t, ctx.Err())
		}
		if err := p.from.Publish(ctx, event); err != nil {
			require.NoError(t, err)
		}
	}
	require.NoError(t, <-done)
	return float64(events) / time.Since(start).Seconds()
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkIsolation measures what a healthy subscriber gets with a stuck one beside it and without, in turns, and reports the
// ratio of the medians. Run it with -benchtime 7x or more.
func BenchmarkIsolation(b *testing.B) {
	const events = 100_000
	for _, p := range pairs {
		for _, policy := range []bus.OverflowPolicy{bus.Block, bus.DropNewest, bus.DropOldest, bus.BreakCircuit} {
			b.Run(fmt.Sprintf("transport=%s/stuck=%s", p.name, policy), func(b *testing.B) {
				world := p.open(b)
				defer func() { cutOff(world.to); cutOff(world.from) }()
				healthy, err := world.to.Subscribe(background(b), bus.Subscription{ID: "healthy", Patterns: []string{topic}, QueueCapacity: 8192})
				require.NoError(b, err)
				measure(b, world, healthy, events)
				var without, with []float64
				for b.Loop() {
					without = append(without, measure(b, world, healthy, events))
					remove := addStuck(b, world, policy)
					with = append(with, measure(b, world, healthy, events))
					remove()
				}
				b.ReportMetric(median(with)/median(without), "ratio")
				b.ReportMetric(median(with), "events/s")
			})
		}
	}
}

// addStuck adds a subscriber that never reads, and returns what removes it. In one process, one that blocks wants another
// topic than the healthy one, and holds up a publisher of that topic.
func addStuck(t testing.TB, p pair, policy bus.OverflowPolicy) (remove func()) {
	wanted := topic
	if policy == bus.Block && p.from == p.to {
		wanted = "events.network.dns"
	}
	_, err := p.to.Subscribe(background(t), bus.Subscription{ID: "stuck", Patterns: []string{wanted}, QueueCapacity: 16, Overflow: policy})
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if wanted != topic {
			for range 17 { // the last one waits
				_ = p.from.Publish(context.Background(), process(wanted, 1))
			}
		}
	}()
	return func() {
		require.NoError(t, p.to.Unsubscribe(background(t), "stuck"))
		<-done
	}
}

// BenchmarkIsolationFromAStoppedClient does the same with a plain NATS client that is stopped by SIGSTOP, held against one that
// reads, since to send to somebody outside at all has its price.
func BenchmarkIsolationFromAStoppedClient(b *testing.B) {
	const events = 50_000
	for _, p := range pairs[1:] { // the local bus has no clients
		b.Run("transport="+p.name, func(b *testing.B) {
			world := p.open(b)
			defer func() { cutOff(world.to); cutOff(world.from) }()
			healthy, err := world.to.Subscribe(background(b), bus.Subscription{ID: "healthy", Patterns: []string{topic}, QueueCapacity: 8192})
			require.NoError(b, err)
			client := startPlain(b, world.url)
			measure(b, world, healthy, events)
			var reading, stopped []float64
			for b.Loop() {
				reading = append(reading, measure(b, world, healthy, events))
				require.NoError(b, client.Process.Signal(syscall.SIGSTOP))
				stopped = append(stopped, measure(b, world, healthy, events))
				require.NoError(b, client.Process.Signal(syscall.SIGCONT))
			}
			b.ReportMetric(median(stopped)/median(reading), "ratio")
			b.ReportMetric(median(stopped), "events/s")
		})
	}
}

// TestMemoryStaysFlat publishes millions of events with a stuck subscriber under each policy, and a stopped NATS client.
func TestMemoryStaysFlat(t *testing.T) {
	for _, p := range pairs[:2] { // the others have the same queues behind a network
		t.Run(p.name, func(t *testing.T) {
			world := p.open(t)
			defer func() { cutOff(world.to); cutOff(world.from) }()
			for _, policy := range []bus.OverflowPolicy{bus.DropNewest, bus.DropOldest, bus.BreakCircuit} {
				_, err := world.to.Subscribe(background(t), bus.Subscription{
					ID: policy.String(), Patterns: []string{"events.#"}, Overflow: policy, Notify: func(bus.Notice) {},
				})
				require.NoError(t, err)
			}
			defer addStuck(t, world, bus.Block)()
			if world.url != "" {
				require.NoError(t, startPlain(t, world.url).Process.Signal(syscall.SIGSTOP))
			}
			healthy, err := world.to.Subscribe(background(t), bus.Subscription{ID: "healthy", Patterns: []string{topic}})
			require.NoError(t, err)
			measure(t, world, healthy, manyEvents/10)
			before := heap()
			measure(t, world, healthy, manyEvents)
			// What waits for the client is bounded, and goes when the server cuts it off: after ten seconds at the latest.
			require.Eventually(t, func() bool {
				grown := heap() - before
				t.Logf("%d events: the heap has grown by %d KiB", manyEvents, grown>>10)
				return grown < 4<<20
			}, patience, time.Second)
		})
	}
}
