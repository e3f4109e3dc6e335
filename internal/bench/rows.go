package bench

import (
	"fmt"
	"time"
)

// The goals, as ratios unless they say otherwise.
const (
	goalThroughput = 0.95 // natsbus against localbus
	goalWatched    = 0.5  // the same while an outsider gets everything
	goalLatency    = 1.2
	goalCPU        = 1.1
	goalMemory     = 1.2
	goalChannels   = 0.8 // localbus against bare channels
	goalPeer       = 1.0
	goalPair       = 1.0 // two processes against plain NATS
	goalPairDelay  = 1.15
	goalOtherPair  = 3.0
	goalCrowd      = 1.5 // 10,000 subscriptions against 10
	goalObjects    = 2.0 // allocations per event
	goalFlat       = 1.1 // heap after ten times the events

	// idleRate loads no system, in events per second.
	idleRate = 10_000
	// stuckEvents is how many events the stuck subscriber misses.
	stuckEvents = 10_000_000
)

const (
	chartInside = "Events per second inside a process"
	chartPairs  = "Events per second between two processes"
)

// fanOuts are the numbers of subscribers.
var fanOuts = [...]int{1, 2, 4}

// rows adds everything that was asked for.
func (p *plan) rows() {
	for _, r := range []struct {
		number string
		add    func()
	}{
		{"1", p.rowThroughput}, {"1b", p.rowWatched}, {"2", p.rowLatency}, {"3", p.rowCPU}, {"4", p.rowMemory},
		{"5", p.rowChannels}, {"6", p.rowPeers}, {"7", p.rowPairs}, {"8", p.rowPairLatency}, {"9", p.rowOtherPairs},
		{"10", p.rowCrowd}, {"11", p.rowAllocations}, {"12", p.rowStuck},
	} {
		if p.wants(r.number) {
			r.add()
		}
	}
}

// fast is a job as fast as possible, inside a process.
func (p *plan) fast(system string, subscribers int) job {
	return job{Mode: modeThroughput, System: system, Subscribers: subscribers, Events: p.config.Events, Target: p.config.target()}
}

// idle is a job at a rate that loads nothing.
func (p *plan) idle(system string) job {
	return job{Mode: modeLatency, System: system, Subscribers: 1, Events: p.config.Events, Rate: idleRate, Target: 2 * p.config.target()}
}

func (p *plan) rowThroughput() {
	for _, n := range fanOuts {
		p.versus(line{
			row: "1", name: "throughput, " + subscribers(n), unit: perSecond, subject: p.fast(NATSBus, n), base: p.fast(LocalBus, n),
			direction: atLeast, goal: goalThroughput, chart: chartInside, group: subscribers(n),
		}, throughput)
	}
}

func (p *plan) rowWatched() {
	for _, n := range fanOuts {
		watchedJob := p.fast(NATSBus, n)
		watchedJob.Mode = modeWatched
		p.versus(line{
			row: "1b", name: "throughput, " + subscribers(n) + ", watched by a plain client", unit: perSecond, subject: watchedJob,
			base: p.fast(LocalBus, n), direction: atLeast, goal: goalWatched,
		}, throughput)
		p.single(line{row: "1b", name: "got by that client, " + subscribers(n), unit: count, subject: watchedJob}, watched)
		p.single(line{row: "1b", name: "missed by that client, " + subscribers(n), unit: count, subject: watchedJob}, lost)
	}
}

func (p *plan) rowLatency() {
	l := line{
		row: "2", name: "latency p50 at 10,000/s", unit: nanoseconds, subject: p.idle(NATSBus), base: p.idle(LocalBus), direction: atMost,
		goal: goalLatency,
	}
	p.versus(l, median50)
	l.name = "latency p99 at 10,000/s"
	p.versus(l, tail99)
}

func (p *plan) rowCPU() {
	p.versus(line{
		row: "3", name: "CPU time per event, 1 subscriber", unit: nanoseconds, subject: p.fast(NATSBus, 1), base: p.fast(LocalBus, 1),
		direction: atMost, goal: goalCPU,
	}, cpuPerEvent)
	// This includes the clock that keeps the rate.
	p.versus(line{
		row: "3", name: "CPU time per event at 10,000/s", unit: nanoseconds, subject: p.idle(NATSBus), base: p.idle(LocalBus),
	}, cpuPerEvent)
}

func (p *plan) rowMemory() {
	l := line{
		row: "4", name: "peak memory above its idle process", unit: bytesUnit, subject: p.fast(NATSBus, 1), base: p.fast(LocalBus, 1),
		direction: atMost, goal: goalMemory,
	}
	p.versus(l, memoryAboveIdle)
	l.name, l.direction, l.goal = "peak memory of the process", noGoal, 0
	p.versus(l, peakMemory)
	for _, system := range []string{NATSBus, LocalBus} {
		p.lines = append(p.lines, line{
			row: "4", name: "peak memory against a bare process, " + system, unit: bytesUnit, subject: p.fast(system, 1), base: p.fast(system, 1),
			subjectMetric: peakMemory, baseMetric: bareMemory,
		})
	}
}

// bursts are the sizes that earlier measurements used.
var bursts = [...]struct{ events, subscribers int }{{5_000, 2}, {10_000, 5}}

func (p *plan) rowChannels() {
	for _, n := range fanOuts {
		p.versus(line{
			row: "5", name: "throughput, " + subscribers(n), unit: perSecond, subject: p.fast(LocalBus, n), base: p.fast(Channels, n),
			direction: atLeast, goal: goalChannels, chart: chartInside, group: subscribers(n),
		}, throughput)
	}
	for _, b := range bursts {
		burst := func(system string) job {
			return job{Mode: modeBurst, System: system, Subscribers: b.subscribers, Events: b.events, Target: p.config.target()}
		}
		name := fmt.Sprintf("%d events to %s", b.events, subscribers(b.subscribers))
		for _, pair := range [][2]string{{LocalBus, Channels}, {NATSBus, LocalBus}} {
			p.versus(line{row: "5", name: name, unit: nanoseconds, subject: burst(pair[0]), base: burst(pair[1])}, runTime)
		}
	}
}

func (p *plan) rowPeers() {
	for _, peer := range p.config.Peers.Systems {
		for _, n := range fanOuts {
			l := line{
				row: "6", name: "delivery rate, " + subscribers(n), unit: perSecond, subject: p.fast(LocalBus, n), base: p.fast(peer.Name(), n),
				direction: atLeast, goal: goalPeer, chart: chartInside, group: subscribers(n),
			}
			p.versus(l, throughput)
			l.name, l.direction, l.goal, l.chart = "publish rate, "+subscribers(n), noGoal, 0, ""
			p.versus(l, publishRate)
		}
		l := line{
			row: "6", name: "latency p99 at 10,000/s", unit: nanoseconds, subject: p.idle(LocalBus), base: p.idle(peer.Name()),
			direction: atMost, goal: goalPeer,
		}
		p.versus(l, tail99)
		l.name = "latency p50 at 10,000/s"
		p.versus(l, median50)
	}
}

// between is a job of two processes.
func (p *plan) between(system string, reverse bool, rate int) job {
	return job{Mode: modePair, System: system, Events: p.config.Events, Rate: rate, Reverse: reverse, Target: p.config.target()}
}

// way says who publishes.
func way(reverse bool) string {
	if reverse {
		return "to the server's process"
	}
	return "from the server's process"
}

func (p *plan) rowPairs() {
	for _, reverse := range []bool{false, true} {
		for _, system := range []string{NATSBusUnix, NATSBusTCP} {
			p.versus(line{
				row: "7", name: "throughput " + way(reverse), unit: perSecond, subject: p.between(system, reverse, 0),
				base: p.between(PlainNATS, reverse, 0), direction: atLeast, goal: goalPair, chart: chartPairs, group: way(reverse),
			}, throughput)
		}
		for _, system := range []string{NATSBusUnix, NATSBusTCP, PlainNATS} {
			p.single(line{
				row: "7", name: "lost " + way(reverse), unit: count, subject: p.between(system, reverse, 0), direction: atMost,
			}, lost)
		}
	}
}

func (p *plan) rowPairLatency() {
	for _, reverse := range []bool{false, true} {
		for _, system := range []string{NATSBusUnix, NATSBusTCP} {
			l := line{
				row: "8", name: "latency p50 " + way(reverse), unit: nanoseconds, subject: p.between(system, reverse, idleRate),
				base: p.between(PlainNATS, reverse, idleRate), direction: atMost, goal: goalPairDelay,
			}
			p.versus(l, median50)
			l.name = "latency p99 " + way(reverse)
			p.versus(l, tail99)
		}
	}
}

func (p *plan) rowOtherPairs() {
	for _, peer := range p.config.Peers.Pairs {
		for _, system := range []string{NATSBusUnix, NATSBusTCP} {
			p.versus(line{
				row: "9", name: "throughput " + way(false), unit: perSecond, subject: p.between(system, false, 0),
				base: p.between(peer.Name(), false, 0), direction: atLeast, goal: goalOtherPair, chart: chartPairs, group: way(false),
			}, throughput)
		}
	}
}

func (p *plan) rowCrowd() {
	crowd := func(system string, subscriptions int) job {
		j := p.fast(system, 1)
		j.Others = subscriptions - 1
		return j
	}
	for _, system := range []string{LocalBus, NATSBus} {
		for _, n := range []int{1_000, 10_000} {
			l := line{
				row: "10", name: fmt.Sprintf("time per event, %d subscriptions against 10", n), unit: nanoseconds, subject: crowd(system, n),
				base: crowd(system, 10),
			}
			if n == 10_000 {
				l.direction, l.goal = atMost, goalCrowd
			}
			p.versus(l, perEvent)
		}
	}
}

func (p *plan) rowAllocations() {
	for _, system := range []string{LocalBus, NATSBus} {
		p.single(line{
			row: "11", name: "allocations per event, 1 subscriber", unit: objects, subject: p.fast(system, 1), direction: atMost, goal: goalObjects,
		}, allocations)
	}
}

func (p *plan) rowStuck() {
	events := p.config.Events
	if events == 0 {
		events = stuckEvents
		if p.config.Quick {
			events /= 10
		}
	}
	for _, system := range []string{LocalBus, NATSBus} {
		j := job{Mode: modeStuck, System: system, Subscribers: 1, Events: events, Target: time.Second}
		p.lines = append(p.lines, line{
			row: "12", name: fmt.Sprintf("heap after %d events against %d, one subscriber stuck", events, events/10), unit: bytesUnit,
			subject: j, base: j, subjectMetric: lateHeap, baseMetric: earlyHeap, direction: atMost, goal: goalFlat,
		})
		p.single(line{row: "12", name: "peak memory of the process", unit: bytesUnit, subject: j}, peakMemory)
	}
}
