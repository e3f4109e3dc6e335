package observe

import (
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/health"
)

// MaxSubscriptions is how many subscriptions have series of their own.
const MaxSubscriptions = 200

// subscriptions remembers which of them have series of their own. What was decided when one was first seen stays so until it ends:
// a counter that goes over from its own series to the sum, or back, would look like events.
type subscriptions struct {
	named map[string]bool // the live ones of the last scrape
	count int             // of those that are true
}

// update takes note of which subscriptions there are.
func (s *subscriptions) update(live []bus.SubscriptionStatistics) {
	before := s.named
	s.named, s.count = make(map[string]bool, len(live)), 0
	for _, one := range live {
		s.named[one.ID] = before[one.ID]
		if before[one.ID] {
			s.count++
		}
	}
	for _, one := range live {
		if _, seen := before[one.ID]; !seen && s.count < MaxSubscriptions && one.ID != other && utf8.ValidString(one.ID) {
			s.named[one.ID] = true
			s.count++
		}
	}
}

// sample adds the metrics of each subscription with series of its own, and those of the rest.
func (s *subscriptions) sample(out *samples, d *descriptions, statistics *bus.Statistics) {
	s.update(statistics.Subscriptions)
	rest := bus.SubscriptionStatistics{
		ID: other, Matched: statistics.Matched, Delivered: statistics.Delivered, Drops: statistics.Drops, Lost: statistics.Lost,
		Queued: statistics.Queued,
	}
	unnamed, open := 0, 0
	for _, one := range statistics.Subscriptions {
		if s.named[one.ID] {
			sampleOne(out, d, &one)
			out.addCircuit(d, &one)
			rest.Matched -= one.Matched
			rest.Delivered -= one.Delivered
			rest.Drops = rest.Drops.Minus(one.Drops)
			rest.Lost -= one.Lost
			rest.Queued -= one.Queued
			continue
		}
		unnamed++
		open += int(truth(health.IsOpen(one.Circuit)))
		rest.QueueCapacity += one.QueueCapacity
		rest.HighWater = max(rest.HighWater, one.HighWater)
		rest.Lag = max(rest.Lag, one.Lag)
		rest.FullFor = max(rest.FullFor, one.FullFor)
	}
	sampleOne(out, d, &rest)
	out.add(d.circuitOpen, prometheus.GaugeValue, float64(open), other)
	out.add(d.unnamed, prometheus.GaugeValue, float64(unnamed))
}

func sampleOne(out *samples, d *descriptions, one *bus.SubscriptionStatistics) {
	out.add(d.matched, prometheus.CounterValue, float64(one.Matched), one.ID)
	out.add(d.delivered, prometheus.CounterValue, float64(one.Delivered), one.ID)
	out.add(d.lost, prometheus.CounterValue, float64(one.Lost), one.ID)
	for _, drop := range []struct {
		cause string
		count uint64
	}{
		{"overflow", one.Drops.Overflow}, {"displaced", one.Drops.Displaced}, {"timeout", one.Drops.Timeout},
		{"remote", one.Drops.Remote}, {"circuit", one.Drops.Circuit}, {"shutdown", one.Drops.Shutdown},
	} {
		out.add(d.dropped, prometheus.CounterValue, float64(drop.count), one.ID, drop.cause)
	}
	out.add(d.queueDepth, prometheus.GaugeValue, float64(one.Queued), one.ID)
	out.add(d.queueCapacity, prometheus.GaugeValue, float64(one.QueueCapacity), one.ID)
	out.add(d.queueHighWater, prometheus.GaugeValue, float64(one.HighWater), one.ID)
	out.add(d.queueLag, prometheus.GaugeValue, one.Lag.Seconds(), one.ID)
	out.add(d.queueFull, prometheus.GaugeValue, one.FullFor.Seconds(), one.ID)
}

// addCircuit adds the metrics of a circuit, if the subscription has one. How often those of ended subscriptions opened is not known, so
// there is no sum of that.
func (s *samples) addCircuit(d *descriptions, one *bus.SubscriptionStatistics) {
	if one.Circuit == "" {
		return
	}
	s.add(d.circuitOpen, prometheus.GaugeValue, truth(health.IsOpen(one.Circuit)), one.ID)
	s.add(d.circuitOpenings, prometheus.CounterValue, float64(one.CircuitOpened), one.ID)
}
