// Package tracing puts the events of a bus into the distributed traces of the program that uses it, through the API of OpenTelemetry.
//
// # Use
//
//	traced := tracing.Wrap(b, nil) // of a localbus or a natsbus; everything else stays as it is
//	…
//	err := traced.Publish(ctx, event) // a span "publish events.process.lifecycle", in the trace of ctx
//
// and, in this process or another one,
//
//	for event, err := range receiver.All(ctx) {
//		ctx, span := tracing.StartProcess(ctx, event) // a span "process events.process.lifecycle", a child of that one
//		…
//		span.End()
//	}
//
// # What is in a trace
//
// Publish starts a span of the kind producer. Its parent is the span of ctx, or, if ctx has none, the one in the event's correlation.
// The event carries the IDs of the new span in its correlation, as the W3C writes them, and so over every transport; a correlation that
// the caller has put into another trace than that of ctx stays as it is, and the span has a link to it. A trace that is not sampled
// leaves no IDs in an event, so those that are there are taken to be of a trace that somebody records.
//
// StartProcess starts a span of the kind consumer. Its parent is the span in the event's correlation, or, if ctx has one, that, with a link
// to the other. A subscriber that works on many events in one span of its own thus has a link to each publisher.
//
// Names and attributes follow the semantic conventions of OpenTelemetry for messaging, version 1.43.0. In the name of a span, and in
// messaging.destination.template, the parts of a topic that name a single collector or task are a +.
//
// # Cost
//
// Spans begin when the program has set a provider, with otel.SetTracerProvider or [Options]. Without one, Publish looks whether there is one
// and nothing else is done: no allocation, and no change of the event. docs/traces.md has measurements.
//
// # Concurrency
//
// Everything here may be called from any goroutine. Order, delivery and errors are those of the bus inside.
package tracing
