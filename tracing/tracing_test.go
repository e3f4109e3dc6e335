package tracing_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/subjects"
	"github.com/daemoneye/eventbus/tracing"
)

// recorded is a provider, and what it has recorded.
type recorded struct {
	*sdk.TracerProvider
	exporter *tracetest.InMemoryExporter
}

func record(sampler sdk.Sampler) recorded {
	exporter := tracetest.NewInMemoryExporter()
	return recorded{sdk.NewTracerProvider(sdk.WithSyncer(exporter), sdk.WithSampler(sampler)), exporter}
}

// spans returns the spans that have ended since the last time.
func (r recorded) spans() tracetest.SpanStubs {
	defer r.exporter.Reset()
	return r.exporter.GetSpans()
}

// span returns the only one.
func (r recorded) span(t *testing.T) tracetest.SpanStub {
	t.Helper()
	spans := r.spans()
	require.Len(t, spans, 1)
	return spans[0]
}

// open returns a wrapped local bus and a receiver of all of its events.
func open(t *testing.T, provider trace.TracerProvider) (*tracing.Bus, bus.Receiver) {
	inner, err := localbus.New(nil)
	require.NoError(t, err)
	b := tracing.Wrap(inner, &tracing.Options{Provider: provider})
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = b.Shutdown(ctx) // what a test left queued is of no interest
	})
	r, err := b.Subscribe(t.Context(), bus.Subscription{ID: "r", Patterns: []string{"#"}})
	require.NoError(t, err)
	return b, r
}

func publishOne(ctx context.Context, t *testing.T, b bus.Bus, r bus.Receiver, event bus.Event) *bus.Event {
	t.Helper()
	require.NoError(t, b.Publish(ctx, event))
	got, err := r.TryNext()
	require.NoError(t, err)
	require.NotNil(t, got)
	return got
}

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
)

func TestPublishContinuesTheTraceOfTheContext(t *testing.T) {
	provider := record(sdk.AlwaysSample())
	b, r := open(t, provider)
	ctx, caller := provider.Tracer("test").Start(t.Context(), "caller")
	got := publishOne(ctx, t, b, r, process(1))
	span := provider.span(t)
	require.Equal(t, "publish events.process.lifecycle", span.Name)
	require.Equal(t, trace.SpanKindProducer, span.SpanKind)
	require.Equal(t, caller.SpanContext().SpanID(), span.Parent.SpanID())
	require.Equal(t, caller.SpanContext().TraceID().String(), got.Correlation.TraceID)
	require.Equal(t, span.SpanContext.SpanID().String(), got.Correlation.SpanID)
	require.Empty(t, span.Links)
	require.Equal(t, codes.Unset, span.Status.Code)
	require.Equal(t, "github.com/daemoneye/eventbus/tracing", span.InstrumentationScope.Name)
	require.Equal(t, semconv.SchemaURL, span.InstrumentationScope.SchemaURL)
	require.ElementsMatch(t, []attribute.KeyValue{
		semconv.MessagingSystemKey.String("eventbus"), semconv.MessagingOperationName("publish"), semconv.MessagingOperationTypeSend,
		semconv.MessagingDestinationName("events.process.lifecycle"),
	}, span.Attributes)

	// A step that follows from the event, in a span that does, stays in the trace and is where that span is.
	ctx, work := b.StartProcess(t.Context(), got)
	event := process(2)
	event.Correlation = got.Correlation.Child()
	next := publishOne(ctx, t, b, r, event)
	work.End()
	spans := provider.spans()
	require.Equal(t, work.SpanContext().SpanID(), spans[0].Parent.SpanID())
	require.Empty(t, spans[0].Links)
	require.Equal(t, got.Correlation.TraceID, next.Correlation.TraceID)
	require.Equal(t, spans[0].SpanContext.SpanID().String(), next.Correlation.SpanID)
}

func TestPublishContinuesTheTraceOfTheCorrelation(t *testing.T) {
	provider := record(sdk.ParentBased(sdk.NeverSample()))
	b, r := open(t, provider)
	event := process(1)
	event.ID, event.Correlation = uuid.New(), bus.Correlation{ID: "step", TraceID: traceID, SpanID: spanID}
	got := publishOne(t.Context(), t, b, r, event)
	span := provider.span(t)
	require.Equal(t, spanID, span.Parent.SpanID().String())
	require.True(t, span.Parent.IsRemote())
	require.Equal(t, traceID, span.SpanContext.TraceID().String())
	require.Equal(t, traceID, got.Correlation.TraceID)
	require.Equal(t, span.SpanContext.SpanID().String(), got.Correlation.SpanID)
	require.Contains(t, span.Attributes, semconv.MessagingMessageID(event.ID.String()))
	require.Contains(t, span.Attributes, semconv.MessagingMessageConversationID("step"))
	require.Equal(t, spanID, event.Correlation.SpanID, "the caller's own event stays as it is")
}

func TestPublishLinksToAnotherTrace(t *testing.T) {
	provider := record(sdk.AlwaysSample())
	b, r := open(t, provider)
	ctx, caller := provider.Tracer("test").Start(t.Context(), "caller")
	event := process(1)
	event.Correlation = bus.Correlation{TraceID: traceID, SpanID: spanID}
	got := publishOne(ctx, t, b, r, event)
	require.Equal(t, traceID, got.Correlation.TraceID)
	require.Equal(t, spanID, got.Correlation.SpanID)
	span := provider.span(t)
	require.Equal(t, caller.SpanContext().SpanID(), span.Parent.SpanID())
	require.Len(t, span.Links, 1)
	require.Equal(t, spanID, span.Links[0].SpanContext.SpanID().String())
}

// A correlation takes any text. What is no trace of the W3C's stays, and nothing is continued.
func TestPublishLeavesOtherIDsAlone(t *testing.T) {
	provider := record(sdk.AlwaysSample())
	b, r := open(t, provider)
	for _, c := range []bus.Correlation{
		{TraceID: "mine"}, {SpanID: "mine"}, {TraceID: traceID}, {SpanID: spanID}, {TraceID: strings.ToUpper(traceID), SpanID: spanID},
		{TraceID: traceID, SpanID: strings.Repeat("0", 16)}, {TraceID: strings.Repeat("0", 32), SpanID: spanID},
	} {
		event := process(1)
		event.Correlation = c
		got := publishOne(t.Context(), t, b, r, event)
		require.Equal(t, c.TraceID, got.Correlation.TraceID)
		require.Equal(t, c.SpanID, got.Correlation.SpanID)
		span := provider.span(t)
		require.False(t, span.Parent.IsValid())
		require.Empty(t, span.Links)
		require.Equal(t, t.Context(), tracing.Context(t.Context(), got))
	}
}

func TestWhatIsNotSampledIsNotCarried(t *testing.T) {
	provider := record(sdk.NeverSample())
	b, r := open(t, provider)
	got := publishOne(t.Context(), t, b, r, process(1))
	require.Empty(t, got.Correlation.TraceID)
	require.Empty(t, got.Correlation.SpanID)
	require.Empty(t, provider.spans())
}

// An event of just the size that is allowed is published all the same, without the IDs.
func TestTheIDsMakeNoEventTooLarge(t *testing.T) {
	provider := record(sdk.AlwaysSample())
	event := process(1)
	event.Correlation = bus.NewCorrelation()
	size := bus.DefaultMaxEventSize
	for _, room := range []int{0, 1000} {
		full := event
		payload := *event.Payload.(*bus.ProcessEvent)
		payload.Name = ""
		full.Payload = &payload
		b, r := open(t, nil)
		bare := publishOne(t.Context(), t, b, r, full)
		payload.Name = strings.Repeat("x", size-room-bare.Msgsize())
		b, r = open(t, provider)
		got := publishOne(t.Context(), t, b, r, full)
		require.Equal(t, room > 0, got.Correlation.TraceID != "")
		require.Equal(t, codes.Unset, provider.span(t).Status.Code)
	}
}

func TestErrorsOfPublish(t *testing.T) {
	provider := record(sdk.AlwaysSample())
	b, _ := open(t, provider)
	tooLarge := process(1)
	tooLarge.Payload.(*bus.ProcessEvent).CommandLine = []string{strings.Repeat("x", bus.DefaultMaxEventSize)}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for _, c := range []struct {
		ctx         context.Context
		event       bus.Event
		name, cause string
	}{
		{t.Context(), bus.Event{}, "publish", "invalid"},
		{t.Context(), bus.Event{Topic: "No Topic", Payload: process(1).Payload}, "publish", "invalid"},
		{t.Context(), tooLarge, "publish events.process.lifecycle", "too_large"},
		{cancelled, process(1), "publish events.process.lifecycle", "canceled"},
		{late, process(1), "publish events.process.lifecycle", "deadline_exceeded"},
	} {
		err := b.Publish(c.ctx, c.event)
		require.Error(t, err)
		span := provider.span(t)
		require.Equal(t, c.name, span.Name)
		require.Equal(t, sdk.Status{Code: codes.Error, Description: err.Error()}, span.Status)
		require.Contains(t, span.Attributes, semconv.ErrorTypeKey.String(c.cause))
	}
	slow, err := b.Subscribe(t.Context(), bus.Subscription{ID: "slow", Patterns: []string{"events.network.+"}, QueueCapacity: 1})
	require.NoError(t, err)
	full := bus.Event{Payload: &bus.NetworkEvent{ConnectionID: "c", Protocol: "tcp", LocalAddr: "127.0.0.1:1", RemoteAddr: "127.0.0.1:2", State: "open"}}
	require.NoError(t, b.Publish(t.Context(), full))
	soon, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.Publish(soon, full), bus.ErrOverflow)
	require.Contains(t, provider.spans()[1].Attributes, semconv.ErrorTypeKey.String("overflow"))
	_, err = slow.TryNext()
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_ = b.Shutdown(ended) // nothing more is wanted of it
	require.ErrorIs(t, b.Publish(t.Context(), process(1)), bus.ErrClosed)
	require.Contains(t, provider.span(t).Attributes, semconv.ErrorTypeKey.String("closed"))
}

// The name of a span has no part that names a single collector, task or process.
func TestNamesAreFew(t *testing.T) {
	provider := record(sdk.AlwaysSample())
	b, r := open(t, provider)
	for topic, template := range map[string]string{
		subjects.ControlHealthHeartbeat:             subjects.ControlHealthHeartbeat,
		subjects.ControlHealthHeartbeat + ".host-1": "control.health.heartbeat.+",
		subjects.ControlShutdown + ".4711":          "control.shutdown.+",
		subjects.ControlCollectorTask + ".scan.17":  "control.collector.task.+.+",
		"events.process.of_mine":                    "events.process.of_mine",
		"events.process.of_mine.4711":               "events.process.of_mine.+",
		"events.process.of_mine.4711.x":             "events.process.of_mine.+.+",
		"events.mine":                               "events.mine",
	} {
		event := process(1)
		event.Topic = topic
		got := publishOne(t.Context(), t, b, r, event)
		_, span := b.StartProcess(t.Context(), got)
		span.End()
		spans := provider.spans()
		require.Equal(t, "publish "+template, spans[0].Name)
		require.Equal(t, "process "+template, spans[1].Name)
		for _, span := range spans {
			require.Contains(t, span.Attributes, semconv.MessagingDestinationName(topic))
			want := topic != template
			require.Equal(t, want, slices.Contains(span.Attributes, semconv.MessagingDestinationTemplate(template)), topic)
		}
	}
}

func TestStartProcess(t *testing.T) {
	provider := record(sdk.AlwaysSample())
	b, r := open(t, provider)
	got := publishOne(t.Context(), t, b, r, process(1))
	published := provider.span(t)

	ctx, span := b.StartProcess(t.Context(), got, trace.WithAttributes(semconv.MessagingDestinationSubscriptionName("r")))
	require.Equal(t, span, trace.SpanFromContext(ctx))
	span.End()
	processed := provider.span(t)
	require.Equal(t, trace.SpanKindConsumer, processed.SpanKind)
	require.Equal(t, published.SpanContext.SpanID(), processed.Parent.SpanID())
	require.Empty(t, processed.Links)
	require.ElementsMatch(t, []attribute.KeyValue{
		semconv.MessagingSystemKey.String("eventbus"), semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess,
		semconv.MessagingDestinationName("events.process.lifecycle"), semconv.MessagingMessageID(got.ID.String()),
		semconv.MessagingMessageConversationID(got.Correlation.ID), semconv.MessagingDestinationSubscriptionName("r"),
	}, processed.Attributes)

	// In a span of one's own there is a link, but not to that span itself.
	ctx, batch := provider.Tracer("test").Start(t.Context(), "batch")
	_, span = b.StartProcess(ctx, got)
	span.End()
	processed = provider.span(t)
	require.Equal(t, batch.SpanContext().SpanID(), processed.Parent.SpanID())
	require.Len(t, processed.Links, 1)
	require.Equal(t, published.SpanContext.SpanID(), processed.Links[0].SpanContext.SpanID())
	_, span = b.StartProcess(tracing.Context(t.Context(), got), got)
	span.End()
	processed = provider.span(t)
	require.Equal(t, published.SpanContext.SpanID(), processed.Parent.SpanID())
	require.Empty(t, processed.Links)

	ctx, span = b.StartProcess(t.Context(), nil) // what an iterator has beside an error
	require.Equal(t, t.Context(), ctx)
	require.False(t, span.IsRecording())
}

func TestContext(t *testing.T) {
	event := process(1)
	require.Equal(t, t.Context(), tracing.Context(t.Context(), &event))
	require.Equal(t, t.Context(), tracing.Context(t.Context(), nil))
	event.Correlation = bus.Correlation{TraceID: traceID, SpanID: spanID}
	got := trace.SpanContextFromContext(tracing.Context(t.Context(), &event))
	require.True(t, got.IsRemote())
	require.True(t, got.IsSampled())
	require.Equal(t, traceID, got.TraceID().String())
	require.Equal(t, spanID, got.SpanID().String())
}

// TestWithoutAProvider has a context with a trace: without a provider, the event does not carry that either.
func TestWithoutAProvider(t *testing.T) {
	for name, provider := range map[string]trace.TracerProvider{"none": nil, "noop": noop.NewTracerProvider()} {
		t.Run(name, func(t *testing.T) {
			b, r := open(t, provider)
			event := process(1)
			event.Correlation = bus.Correlation{TraceID: traceID, SpanID: spanID}
			ctx := tracing.Context(t.Context(), &event)
			got := publishOne(ctx, t, b, r, process(2))
			require.Empty(t, got.Correlation.TraceID)
			again, span := b.StartProcess(ctx, &event)
			require.Equal(t, ctx, again)
			require.False(t, span.SpanContext().IsValid())
			again, span = tracing.StartProcess(ctx, &event)
			require.Equal(t, ctx, again)
			require.False(t, span.SpanContext().IsValid())
		})
	}
}
