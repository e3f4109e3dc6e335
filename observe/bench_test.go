package observe_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/observe"
)

// BenchmarkScrape is what a scrape costs but for its text.
func BenchmarkScrape(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("subs=%d/topics=%d", min(n, observe.MaxSubscriptions), n), func(b *testing.B) {
			l := local(b, &bus.Options{Overflow: bus.DropNewest})
			for i := range min(n, observe.MaxSubscriptions) {
				subscribe(b, l, bus.Subscription{ID: fmt.Sprint(i), Patterns: []string{"control.#"}})
			}
			for i := range n {
				event := process(1)
				event.Topic = fmt.Sprintf("events.a.t%d", i)
				require.NoError(b, l.Publish(b.Context(), event))
			}
			registry := prometheus.NewRegistry()
			registry.MustRegister(observe.NewCollector(l))
			for b.Loop() {
				_, err := registry.Gather()
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkPage measures how many events a second a bus brings from a publisher to a subscriber with a page open, which shows events too,
// and without, in turns of a second, and reports the ratio of the medians. Run it with -benchtime 15x or more.
func BenchmarkPage(b *testing.B) {
	for _, test := range []struct {
		name string
		open func() bus.Bus
	}{
		{"local", func() bus.Bus { return local(b, nil) }},
		{"in-process", func() bus.Bus { return inside(b, startServer(b, embed.Options{})) }},
	} {
		b.Run("bus="+test.name, func(b *testing.B) {
			l := test.open()
			s := withPage(b, l)
			r := subscribe(b, l, bus.Subscription{ID: "s"})
			go func() {
				for range r.All(context.Background()) {
				}
			}()
			throughput(b, l)
			var without, with []float64
			for b.Loop() {
				without = append(without, throughput(b, l))
				v := visit(b, s, token)
				v.until(isView)
				var reading sync.WaitGroup
				reading.Go(func() { _, _ = io.Copy(io.Discard, v.lines) })
				with = append(with, throughput(b, l))
				require.NoError(b, v.answer.Body.Close())
				reading.Wait()
			}
			slices.Sort(without)
			slices.Sort(with)
			b.ReportMetric(without[len(without)/2], "events/s")
			b.ReportMetric(with[len(with)/2]/without[len(without)/2], "ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// throughput publishes for a second.
func throughput(b *testing.B, l bus.Bus) float64 {
	event := process(1)
	begin := time.Now()
	for n := 1; ; n++ {
		if err := l.Publish(context.Background(), event); err != nil {
			require.NoError(b, err)
		}
		if n%1024 == 0 && time.Since(begin) >= time.Second {
			return float64(n) / time.Since(begin).Seconds()
		}
	}
}
