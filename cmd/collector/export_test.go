package main

import (
	"io"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
)

// Main lets the tests run the program from their own binary.
func Main() { main() }

// What the tests look at without a process.
type (
	Counter  = counter
	Counts   = counts
	Failures = failures
	Flags    = flags
	Rate     = rate
)

var (
	DefaultPaths    = defaultPaths
	DefaultSettings = defaultSettings
	LoadSettings    = loadSettings
	RunCollectors   = runCollectors
	ErrNoCollectors = errNoCollectors
	LiveLine        = liveLine
)

// NewCounter returns a counter in front of a publisher.
func NewCounter(next collect.Publisher) *Counter { return &counter{next: next} }

// Counts is the counter's counts.
func (c *counter) Counts() Counts { return c.counts() }

// Rates returns the rates at each second of the samples, over a span.
func Rates(span time.Duration, samples ...Counts) (rates [][]Rate) {
	w := window{span: span}
	for i, sample := range samples {
		rates = append(rates, w.add(time.Unix(int64(i), 0), sample))
	}
	return rates
}

// NewRate makes a Rate.
func NewRate(topic string, perSecond float64) Rate { return rate{topic, perSecond} }

// WriteSummary writes a closing table.
func WriteSummary(w io.Writer, b bus.Statistics, subscriptions []bus.SubscriptionStatistics, topics Counts, discarded uint64) error {
	return summary{bus: b, subscriptions: subscriptions, topics: topics, discarded: discarded}.write(w)
}
