package observe_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
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
