//go:build unix

package faults_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/faultproxy"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/natsbus"
)

// defaultSoak is how long TestSoak takes on each transport unless SOAK says how long it takes on all of them.
const defaultSoak = 1500 * time.Millisecond

// TestSoak mixes subscriptions that come and go, slow readers, bursts, garbage and every fault at random on every bus and
// transport, and ends each with its audit. A run is repeated, as far as the world repeats itself, with SOAK_SEED.
func TestSoak(t *testing.T) {
	worlds := []struct {
		name string
		open func(t *testing.T) *soak
	}{
		{"local", soakLocal}, {"in-process", soakInProcess}, {"unix socket", soakBehind("unix")}, {"loopback", soakBehind("tcp")}, {"nats-server", soakNATSServer},
	}
	duration := defaultSoak
	if text := os.Getenv("SOAK"); text != "" {
		all, err := time.ParseDuration(text)
		require.NoError(t, err, "SOAK")
		// It ends in time for the tests' own limit, ten minutes unless -timeout says otherwise.
		if deadline, ok := t.Deadline(); ok {
			all = min(all, time.Until(deadline)-time.Minute)
		}
		duration = max(defaultSoak, all/time.Duration(len(worlds)))
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SOAK_SEED"); text != "" {
		_, err := fmt.Sscan(text, &seed)
		require.NoError(t, err, "SOAK_SEED")
	}
	for i, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			t.Logf("SOAK_SEED=%d", seed)
			leavesNothing(t)
			s := w.open(t)
			s.t, s.random = t, rand.New(rand.NewPCG(seed, uint64(i)))
			s.run(duration)
		})
	}
}

// soak is a world at random.
type soak struct {
	t      *testing.T
	random *rand.Rand
	audit  bustest.Audit

	buses   []bus.Bus // in this process
	place   string    // where other processes attach, if they can
	url     string    // where plain clients connect, if they can
	faults  []func()  // that heal by themselves or by heal
	heal    func()
	stable  []*bustest.Reader
	late    []*bustest.Reader
	lateBus map[*bustest.Reader]bus.Bus
	made    int
}

func soakLocal(t *testing.T) *soak {
	b, err := localbus.New(&bus.Options{PublishTimeout: time.Millisecond})
	require.NoError(t, err)
	return &soak{buses: []bus.Bus{b}}
}

func natsOptions() *natsbus.Options {
	return &natsbus.Options{PingInterval: 200 * time.Millisecond, Bus: bus.Options{PublishTimeout: time.Millisecond}}
}

func soakServer(t *testing.T) (*embed.Server, *soak) {
	server := startServer(t, &embed.Options{
		Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0", MaxPending: 4 << 20, WriteDeadline: 500 * time.Millisecond,
	})
	b, err := natsbus.InProcess(background(t), server, natsOptions())
	require.NoError(t, err)
	return server, &soak{
		buses: []bus.Bus{b}, place: attach + server.Socket(), url: clientURL(server),
	}
}

func soakInProcess(t *testing.T) *soak {
	_, s := soakServer(t)
	return s
}

// behind adds a bus on the other side of a proxy, and the proxy's faults.
func (s *soak) behind(b bus.Bus, p *faultproxy.Proxy) {
	s.buses = append(s.buses, b)
	s.faults = append(s.faults, p.Reset, p.Cut,
		func() { p.CutAfter(1 + s.random.Int64N(50_000)) },
		func() { p.SetLatency(time.Duration(s.random.Int64N(int64(20 * time.Millisecond)))) },
		func() { p.SetBandwidth(64<<10 + s.random.IntN(8<<20)) },
		p.Stall,
		func() { p.Refuse(true) },
	)
	heal := s.heal
	s.heal = func() {
		if heal != nil {
			heal()
		}
		p.CutAfter(math.MaxInt64)
		p.SetLatency(0)
		p.SetBandwidth(0)
		p.Resume()
		p.Refuse(false)
	}
}

// soakBehind has two buses behind a bad network.
func soakBehind(network string) func(t *testing.T) *soak {
	return func(t *testing.T) *soak {
		server, s := soakServer(t)
		for range 2 {
			p, open := openProxy(t, server, network, natsOptions())
			s.behind(open(), p)
		}
		return s
	}
}

func soakNATSServer(t *testing.T) *soak {
	server := natsprocess.Start(t, "-1")
	s := &soak{place: dial + server.URL, url: server.URL}
	direct, err := natsbus.Connect(background(t), server.URL, natsOptions())
	require.NoError(t, err)
	s.buses = append(s.buses, direct)
	p := listen(t, faultproxy.TCP("127.0.0.1:0"), faultproxy.TCP(server.Address(t)))
	b, err := natsbus.Connect(background(t), "nats://"+p.Addr(), natsOptions())
	require.NoError(t, err)
	// A server of others does not know that a bus that connects anew has given its former connection up. What is stalled there would come
	// after it was told to be lost; so it does not come.
	s.heal = p.Reset
	s.behind(b, p)
	s.faults = append(s.faults, func() {
		server.Kill()
		server = server.Restart(t)
	})
	return s
}

var soakTopics = []string{topic, "events.process.tree", "events.network.dns", "events.filesystem.access", "control.health.status"}

// killedTopic is for publishers that are killed. Readers whose queues overflow do not want it: which of the drops were events of
// a publisher that can no longer say how many it had is not known.
const killedTopic = "events.filesystem.bulk"

func (s *soak) pick(list []string) string { return list[s.random.IntN(len(list))] }

func (s *soak) bus() bus.Bus { return s.buses[s.random.IntN(len(s.buses))] }

func (s *soak) run(duration time.Duration) {
	s.lateBus = make(map[*bustest.Reader]bus.Bus)
	s.subscribeStable()
	s.warmUp()
	steps := []func(){s.burst, s.burst, s.burst, s.subscribe, s.unsubscribe, s.fault, s.recover, s.flush}
	if s.place != "" {
		steps = append(steps, s.garbage)
	}
	processes := 0
	for end := time.Now().Add(duration); time.Now().Before(end); {
		steps[s.random.IntN(len(steps))]()
		// A process takes a while to start, so there is one for ten other steps.
		if s.place != "" && s.random.IntN(20) == 0 {
			s.process(processes)
			processes++
		}
	}
	s.finish()
}

// subscribeStable subscribes under each policy, on each bus, before anything is published.
func (s *soak) subscribeStable() {
	for i, b := range s.buses {
		for _, policy := range []bus.OverflowPolicy{bus.Block, bus.DropNewest, bus.DropOldest, bus.BreakCircuit} {
			n := 0
			s.stable = append(s.stable, s.audit.Subscribe(s.t, b, bus.Subscription{
				ID: fmt.Sprint("stable ", policy, i), Patterns: []string{"events.process.#", "events.*.dns", "process"}, QueueCapacity: 64, Overflow: policy,
				CircuitBreak: bus.CircuitBreak{Overflows: 10, Window: time.Second, CoolDown: 10 * time.Millisecond},
			}, false, func() {
				if n++; n%100 == 0 { // reads in fits and starts
					<-time.After(time.Millisecond)
				}
			}))
		}
		s.stable = append(s.stable, s.audit.Subscribe(s.t, b, roomy(fmt.Sprint("stable roomy ", i), "#"), false, nil))
	}
}

// warmUp lets every reader see every publisher once. Before that, a fault may hit a subscription that has just been made, and not
// yet heard how far the publishers are: then nobody can say what it missed.
func (s *soak) warmUp() {
	for _, b := range s.buses {
		for _, topic := range soakTopics {
			require.NoError(s.t, s.audit.Publish(background(s.t), b, b.Statistics().Publisher, process(topic, 1)))
		}
		require.NoError(s.t, b.Flush(background(s.t)))
	}
	for _, r := range s.stable {
		r.Settle(s.t)
	}
}

func (s *soak) burst() {
	b := s.bus()
	id := b.Statistics().Publisher
	for range 1 + s.random.IntN(500) {
		_ = s.audit.Publish(context.Background(), b, id, process(s.pick(soakTopics), 1)) // what fails is missing
	}
}

func (s *soak) subscribe() {
	if len(s.late) > 20 {
		return
	}
	b := s.bus()
	s.made++
	patterns := []string{"events.#", "events.process.+", "events.*.dns", "events.process.lifecycle", "#", "control.#", "process", "events.filesystem.+"}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	// Where the server is away, it takes longer than that, and nothing may be left of it.
	if r := s.audit.TrySubscribe(ctx, s.t, b, roomy(fmt.Sprint("late ", s.made), s.pick(patterns), s.pick(patterns)), true); r != nil {
		s.late = append(s.late, r)
		s.lateBus[r] = b
	}
}

func (s *soak) unsubscribe() {
	if len(s.late) == 0 {
		return
	}
	i := s.random.IntN(len(s.late))
	r := s.late[i]
	s.late = append(s.late[:i], s.late[i+1:]...)
	require.NoError(s.t, s.lateBus[r].Unsubscribe(background(s.t), r.Receiver.ID()))
	<-r.Done()
	s.checkLate(r)
}

// checkLate checks a subscription that came while faults were under way. What it missed before the publishers answered is known to
// nobody, so its account need not balance; but nothing may come twice, and nothing be called lost that was not.
func (s *soak) checkLate(r *bustest.Reader) {
	require.Eventually(s.t, func() bool { return r.Consistent() == "" }, patience, step, r.Receiver.ID())
	if account := r.Account(); account.Unaccounted() < 0 {
		require.Fail(s.t, "more than was published", "%s: %v %+v\n%s", r.Receiver.ID(), account, r.Receiver.Statistics(), strings.Join(r.Rest(), "\n"))
	}
}

func (s *soak) fault() {
	if len(s.faults) > 0 {
		s.faults[s.random.IntN(len(s.faults))]()
	}
}

func (s *soak) recover() {
	if s.heal != nil {
		s.heal()
	}
}

func (s *soak) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_ = s.bus().Flush(ctx) // it fails while the server is away
}

// process lets another process publish, and end by kill -9 or in order. Who is cut off when a publisher ends in order never hears
// its last word, so then everybody is there.
func (s *soak) process(n int) {
	if n%2 == 0 {
		s.recover()
		s.reconnect()
		o := startOther(s.t, s.place)
		o.do("publish %d %s", 1+s.random.IntN(300), s.pick(soakTopics))
		o.end(&s.audit)
		return
	}
	o := startOther(s.t, s.place)
	s.audit.Killed(o.id)
	o.do("start %s", killedTopic)
	s.burst()
	o.kill()
}

// reconnect waits until everybody is there and has nothing on the way.
func (s *soak) reconnect() {
	for _, b := range s.buses {
		require.Eventually(s.t, func() bool {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			return b.Statistics().Connected && b.Flush(ctx) == nil
		}, patience, step)
	}
}

func (s *soak) garbage() {
	nc, err := nats.Connect(s.url)
	if err != nil {
		return // the server is away
	}
	defer nc.Close()
	in := process(topic, 1)
	good, err := in.MarshalMsg(nil)
	require.NoError(s.t, err)
	subjects := []string{topic, "events.process.tree", "eventbus.sequences", "eventbus.ask", "events.Not.A.Topic"}
	for range 50 {
		_ = nc.Publish(s.pick(subjects), spoil(good, s.random, 300<<10))
	}
}

func (s *soak) finish() {
	s.recover()
	s.reconnect()
	var total bustest.Account
	for _, r := range s.stable {
		total = total.Plus(r.Settle(s.t))
	}
	for _, r := range s.late {
		s.checkLate(r)
	}
	for i := range s.buses {
		works(s.t, &s.audit, s.buses[(i+1)%len(s.buses)], s.stable[5*i+4], topic) // the roomy one of this bus
	}
	for _, b := range s.buses {
		require.NoError(s.t, b.Shutdown(background(s.t)))
	}
	fmt.Println(total)
}
