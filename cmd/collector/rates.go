package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/internal/show"
)

// liveInterval is how often the live line is redrawn.
const liveInterval = time.Second

// rate is how often events of a topic were published, in events a second.
type rate struct {
	topic     string
	perSecond float64
}

// window computes rates over the last span. It belongs to one goroutine.
type window struct {
	span    time.Duration
	samples []sample // oldest first, the first one about a span ago
}

type sample struct {
	at     time.Time
	counts counts
}

// add adds a sample and returns the rates since the oldest sample within the span, ordered by topic. The first sample has none.
func (w *window) add(at time.Time, counts counts) []rate {
	w.samples = append(w.samples, sample{at, counts})
	start := at.Add(-w.span * 9 / 10) // ticks are not exact, and a sample a little too young is better than one far too old
	for len(w.samples) > 2 && !w.samples[1].at.After(start) {
		w.samples = slices.Delete(w.samples, 0, 1)
	}
	first := w.samples[0]
	seconds := at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return nil
	}
	var rates []rate
	for _, topic := range slices.Sorted(maps.Keys(counts)) {
		rates = append(rates, rate{topic, float64(counts[topic]-first.counts[topic]) / seconds})
	}
	return rates
}

// reporter tells the user how much is published, until its context ends: by a live line on a terminal, by log lines elsewhere.
type reporter struct {
	console  *show.Console
	logger   *slog.Logger
	counter  *counter
	interval time.Duration // the span of the rates, and the time between log lines
}

// run returns when ctx has ended, with the live line taken away, or with the error of the terminal.
func (r *reporter) run(ctx context.Context) error {
	every := r.interval
	if r.console.Interactive() {
		every = min(liveInterval, r.interval)
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	rates := window{span: r.interval}
	rates.add(time.Now(), r.counter.counts())
	for {
		select {
		case <-ctx.Done():
			if r.console.Interactive() {
				return r.console.Show("")
			}
			return nil
		case now := <-ticker.C:
			if err := r.report(rates.add(now, r.counter.counts())); err != nil {
				return err
			}
		}
	}
}

func (r *reporter) report(rates []rate) error {
	if r.console.Interactive() {
		return r.console.Show(liveLine(rates))
	}
	attributes := make([]any, len(rates))
	for i, rate := range rates {
		attributes[i] = slog.String(rate.topic, formatRate(rate.perSecond))
	}
	r.logger.Info("events per second", slog.Group("rates", attributes...))
	return nil
}

// liveLine puts the busiest topics first, since the terminal may be narrow.
func liveLine(rates []rate) string {
	if len(rates) == 0 {
		return "no events yet"
	}
	slices.SortStableFunc(rates, func(a, b rate) int { return cmp.Compare(b.perSecond, a.perSecond) })
	var line strings.Builder
	line.WriteString("events/s")
	for _, rate := range rates {
		fmt.Fprintf(&line, "  %s %s", strings.TrimPrefix(rate.topic, "events."), formatRate(rate.perSecond))
	}
	return line.String()
}

func formatRate(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.1f", perSecond)
	}
	return fmt.Sprintf("%.0f", perSecond)
}
