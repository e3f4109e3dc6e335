package tracing

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/daemoneye/eventbus/bus"
)

// Options are those of [Wrap]. The zero value is valid.
type Options struct {
	// Provider makes the spans; nil is the program's own, of otel.SetTracerProvider, also when that is called later.
	Provider trace.TracerProvider
}

// Bus is a bus whose Publish makes spans. Make one with [Wrap].
type Bus struct {
	bus.Bus
	source *source
}

var _ bus.Wrapper = (*Bus)(nil)

// Wrap returns b with spans. Optional interfaces of b are found through the result, by [bus.As]. Nil options are the defaults.
func Wrap(b bus.Bus, options *Options) *Bus {
	if options == nil {
		options = new(Options)
	}
	return &Bus{Bus: b, source: newSource(options.Provider)}
}

// Unwrap implements [bus.Wrapper].
func (b *Bus) Unwrap() bus.Bus { return b.Bus }

// Publish implements [bus.Bus].
func (b *Bus) Publish(ctx context.Context, event bus.Event) error {
	tracer := b.source.tracer()
	if tracer == nil {
		return b.Bus.Publish(ctx, event)
	}
	return b.publish(ctx, tracer, event)
}

func (b *Bus) publish(ctx context.Context, tracer trace.Tracer, event bus.Event) error {
	d := destinationOf(&event)
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(d.attributes(publishing, &event)...)}
	carried := spanContext(&event.Correlation)
	if here := trace.SpanContextFromContext(ctx); !here.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, carried)
	} else if carried.IsValid() && carried.TraceID() != here.TraceID() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: carried}))
	}
	ctx, span := tracer.Start(ctx, d.spanName(publishing), options...)
	defer span.End()
	err := b.publishIn(ctx, span.SpanContext(), carried.TraceID(), event)
	if err != nil {
		span.SetAttributes(errorType(err))
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}

// publishIn publishes the event with the IDs of the span, if it may carry them. An event that they would make too large goes without.
func (b *Bus) publishIn(ctx context.Context, span trace.SpanContext, carried trace.TraceID, event bus.Event) error {
	free := event.Correlation.TraceID == "" && event.Correlation.SpanID == ""
	if !span.IsSampled() || !free && span.TraceID() != carried {
		return b.Bus.Publish(ctx, event)
	}
	with := event
	with.Correlation.TraceID, with.Correlation.SpanID = span.TraceID().String(), span.SpanID().String()
	err := b.Bus.Publish(ctx, with)
	if errors.Is(err, bus.ErrTooLarge) && errors.Is(err, bus.ErrInvalid) && !errors.Is(err, bus.ErrUndelivered) { // nobody got it
		return b.Bus.Publish(ctx, event)
	}
	return err
}

// StartProcess is the function of the same name with the provider of this bus.
func (b *Bus) StartProcess(ctx context.Context, event *bus.Event, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return startProcess(ctx, b.source.tracer(), event, options)
}

// StartProcess starts a span for what is done because of a received event, and returns it and ctx with it. The caller ends it. Options can
// add attributes, such as messaging.destination.subscription.name. Without a provider of the program (otel.SetTracerProvider), ctx is
// returned as it is, with a span that does nothing.
func StartProcess(ctx context.Context, event *bus.Event, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return startProcess(ctx, programTracer(), event, options)
}

func startProcess(ctx context.Context, tracer trace.Tracer, event *bus.Event, options []trace.SpanStartOption) (context.Context, trace.Span) {
	if tracer == nil || event == nil {
		return ctx, noop.Span{}
	}
	d := destinationOf(event)
	all := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(d.attributes(processing, event)...)}
	carried := spanContext(&event.Correlation)
	if here := trace.SpanContextFromContext(ctx); !here.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, carried)
	} else if carried.IsValid() && carried.SpanID() != here.SpanID() {
		all = append(all, trace.WithLinks(trace.Link{SpanContext: carried}))
	}
	return tracer.Start(ctx, d.spanName(processing), append(all, options...)...)
}

// Context returns ctx within the span that the event carries: what is started with it belongs to the event's trace. If the event carries
// none it returns ctx. It needs no provider.
func Context(ctx context.Context, event *bus.Event) context.Context {
	if event == nil {
		return ctx
	}
	carried := spanContext(&event.Correlation)
	if !carried.IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, carried)
}

// spanContext returns the span that a correlation names, an invalid one if its IDs are none of W3C Trace Context.
func spanContext(c *bus.Correlation) trace.SpanContext {
	if c.TraceID == "" {
		return trace.SpanContext{}
	}
	traceID, err := trace.TraceIDFromHex(c.TraceID)
	if err != nil {
		return trace.SpanContext{}
	}
	spanID, err := trace.SpanIDFromHex(c.SpanID)
	if err != nil {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: trace.FlagsSampled, Remote: true})
}
