package tracing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/tracing"
)

// receiving returns a bus with one subscriber.
func receiving(t testing.TB) (bus.Bus, bus.Receiver) {
	b, err := localbus.New(nil)
	require.NoError(t, err)
	shut(t, b)
	r, err := b.Subscribe(t.Context(), bus.Subscription{ID: "r", Patterns: []string{"events.process.+"}})
	require.NoError(t, err)
	return b, r
}

// pass publishes an event and receives it.
func pass(t testing.TB, b bus.Bus, r bus.Receiver, event bus.Event) {
	if err := b.Publish(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	got, err := r.TryNext()
	if err != nil || got == nil {
		t.Fatal(got, err)
	}
}

func TestAllocations(t *testing.T) {
	b, r := receiving(t)
	wrapped, event := tracing.Wrap(b, nil), process(1)
	bare := testing.AllocsPerRun(1000, func() { pass(t, b, r, event) })
	require.Equal(t, bare, testing.AllocsPerRun(1000, func() { pass(t, wrapped, r, event) }))
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		_, span := tracing.StartProcess(t.Context(), &event)
		span.End()
		_, span = wrapped.StartProcess(t.Context(), &event)
		span.End()
	}))
	fresh, err := localbus.New(nil)
	require.NoError(t, err)
	shut(t, fresh)
	bustest.Allocations(t, tracing.Wrap(fresh, nil))
}

// variant is a bus in a benchmark, and how long each of its turns took.
type variant struct {
	unit  string
	bus   bus.Bus
	turns []time.Duration
}

// BenchmarkPublish publishes and receives events on a bare bus and on wrapped ones, in turns, so that whatever else the machine does meets
// all of them alike, and reports the median of the turns.
func BenchmarkPublish(b *testing.B) {
	inner, r := receiving(b)
	event := process(1)
	wrap := func(p trace.TracerProvider) bus.Bus { return tracing.Wrap(inner, &tracing.Options{Provider: p}) }
	sampled := func(s sdk.Sampler) bus.Bus { return wrap(sdk.NewTracerProvider(sdk.WithSampler(s))) }
	b.Run("provider=none", func(b *testing.B) {
		idle := wrap(nil)
		require.NoError(b, idle.Publish(b.Context(), event))
		got, err := r.TryNext()
		require.NoError(b, err)
		require.Empty(b, got.Correlation.TraceID, "the program has a provider: run the benchmark without examples")
		takeTurns(b, r, []variant{{unit: "bare-ns/event", bus: inner}, {unit: "wrapped-ns/event", bus: idle}})
	})
	b.Run("provider=set", func(b *testing.B) {
		takeTurns(b, r, []variant{
			{unit: "bare-ns/event", bus: inner},
			{unit: "not-sampled-ns/event", bus: sampled(sdk.NeverSample())},
			{unit: "recorded-ns/event", bus: sampled(sdk.AlwaysSample())},
		})
	})
}

func takeTurns(b *testing.B, r bus.Receiver, variants []variant) {
	const turn = 100
	event := process(1)
	for b.Loop() {
		for i := range variants {
			v := &variants[i]
			begin := time.Now()
			for range turn {
				pass(b, v.bus, r, event)
			}
			v.turns = append(v.turns, time.Since(begin))
		}
	}
	for _, v := range variants {
		slices.Sort(v.turns)
		b.ReportMetric(float64(v.turns[len(v.turns)/2].Nanoseconds())/turn, v.unit)
	}
	b.ReportMetric(0, "ns/op")
}
