package tracing_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/natsbus"
	"github.com/daemoneye/eventbus/tracing"
)

const patience = 20 * time.Second

// shut shuts a bus down at the end of a test; what the test left queued is of no interest.
func shut(t testing.TB, b bus.Bus) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = b.Shutdown(ctx)
	})
}

// overSocket returns two buses, one in the process of an embedded server and one that is attached to its socket.
func overSocket(t testing.TB, options bus.Options) (*natsbus.Bus, *natsbus.Bus) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dir, err := os.MkdirTemp("", "eb") // short enough for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	server, err := embed.Start(ctx, &embed.Options{Socket: dir + "/s", Role: embed.Trusted})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
	})
	here, err := natsbus.InProcess(ctx, server, &natsbus.Options{Bus: options})
	require.NoError(t, err)
	shut(t, here)
	there, err := natsbus.Attach(ctx, server.Socket(), &natsbus.Options{Bus: options})
	require.NoError(t, err)
	shut(t, there)
	return here, there
}

// recordOnly records spans that are not sampled, so that events are as their publishers made them, which is what the contract looks at.
type recordOnly struct{}

func (recordOnly) ShouldSample(sdk.SamplingParameters) sdk.SamplingResult {
	return sdk.SamplingResult{Decision: sdk.RecordOnly}
}

func (recordOnly) Description() string { return "record only" }

// TestContract runs without a provider, and with one that records everything.
func TestContract(t *testing.T) {
	for name, provider := range map[string]trace.TracerProvider{"idle": nil, "recording": sdk.NewTracerProvider(sdk.WithSampler(recordOnly{}))} {
		options := &tracing.Options{Provider: provider}
		openLocal := func(t testing.TB, o bus.Options) bustest.Pair {
			inner, err := localbus.New(&o)
			require.NoError(t, err)
			shut(t, inner)
			b := tracing.Wrap(inner, options)
			return bustest.Pair{Publisher: b, Subscriber: b}
		}
		t.Run(name+", local", func(t *testing.T) {
			t.Parallel() // the cases wait more than they work
			bustest.Run(t, openLocal)
		})
		t.Run(name+", unix socket", func(t *testing.T) {
			t.Parallel()
			bustest.Run(t, func(t testing.TB, o bus.Options) bustest.Pair {
				here, there := overSocket(t, o)
				return bustest.Pair{Publisher: tracing.Wrap(there, options), Subscriber: tracing.Wrap(here, options)}
			})
		})
		t.Run(name+", model", func(t *testing.T) {
			t.Parallel()
			bustest.Model(t, openLocal)
		})
	}
}

func TestOptionalInterfacesAreReached(t *testing.T) {
	here, there := overSocket(t, bus.Options{})
	b := tracing.Wrap(tracing.Wrap(here, nil), nil)
	_, ok := bus.As[bus.TopicCounter](b)
	require.True(t, ok)
	counter, ok := bus.As[bus.ServerCounter](b)
	require.True(t, ok)
	statistics, ok := counter.ServerStatistics()
	require.True(t, ok)
	require.Equal(t, 1, statistics.Clients, "the attached bus")
	inner, ok := bus.As[*natsbus.Bus](b)
	require.True(t, ok)
	require.Same(t, here, inner)
	_, ok = bus.As[*localbus.Bus](b)
	require.False(t, ok)
	_, ok = bus.As[bus.TopicCounter](nil)
	require.False(t, ok)
	_, ok = bus.As[*tracing.Bus](there)
	require.False(t, ok)
}

// TestTraceCrossesTheSocket has a provider at each end, as two programs would.
func TestTraceCrossesTheSocket(t *testing.T) {
	here, there := overSocket(t, bus.Options{})
	publishing, receiving := record(sdk.AlwaysSample()), record(sdk.ParentBased(sdk.NeverSample()))
	publisher := tracing.Wrap(there, &tracing.Options{Provider: publishing})
	subscriber := tracing.Wrap(here, &tracing.Options{Provider: receiving})
	r, err := subscriber.Subscribe(t.Context(), bus.Subscription{ID: "r"})
	require.NoError(t, err)
	ctx, caller := publishing.Tracer("test").Start(t.Context(), "caller")
	require.NoError(t, publisher.Publish(ctx, process(1)))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	event, err := r.Next(ctx)
	require.NoError(t, err)
	_, work := subscriber.StartProcess(ctx, event)
	work.End()
	sent, done := publishing.span(t), receiving.span(t)
	require.Equal(t, caller.SpanContext().SpanID(), sent.Parent.SpanID())
	require.Equal(t, sent.SpanContext.SpanID(), done.Parent.SpanID())
	require.True(t, done.Parent.IsRemote())
	require.Equal(t, caller.SpanContext().TraceID(), done.SpanContext.TraceID())
	value, ok := event.Correlation.Traceparent()
	require.True(t, ok)
	require.Equal(t, "00-"+sent.SpanContext.TraceID().String()+"-"+sent.SpanContext.SpanID().String()+"-01", value)
}
