package tracing_test

import (
	"context"
	"fmt"
	"log"

	"go.opentelemetry.io/otel"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/tracing"
)

func Example() {
	ctx := context.Background()
	exporter := tracetest.NewInMemoryExporter() // yours sends to a collector of traces
	otel.SetTracerProvider(sdk.NewTracerProvider(sdk.WithSyncer(exporter)))

	inner, err := eventbus.Open(ctx, eventbus.Config{BusType: "local"}) // leave BusType out for NATS
	if err != nil {
		log.Fatal(err)
	}
	b := tracing.Wrap(inner, nil)
	defer b.Shutdown(ctx)
	receiver, err := b.Subscribe(ctx, bus.Subscription{ID: "detector", Patterns: []string{"events.process.+"}})
	if err != nil {
		log.Fatal(err)
	}

	scanning, scan := otel.Tracer("collector").Start(ctx, "scan")
	process := &bus.ProcessEvent{PID: 4242, Name: "sleep", CommandLine: []string{"sleep", "7"}}
	if err := b.Publish(scanning, bus.Event{Source: "example", Payload: process}); err != nil {
		log.Fatal(err)
	}
	scan.End()

	event, err := receiver.Next(ctx) // here or in another process
	if err != nil {
		log.Fatal(err)
	}
	_, work := tracing.StartProcess(ctx, event)
	work.End()

	names := map[trace.SpanID]string{}
	for _, span := range exporter.GetSpans() {
		names[span.SpanContext.SpanID()] = span.Name
	}
	for _, span := range exporter.GetSpans() {
		fmt.Printf("%s %q in %q\n", span.SpanKind, span.Name, names[span.Parent.SpanID()])
	}
	// Output:
	// producer "publish events.process.lifecycle" in "scan"
	// internal "scan" in ""
	// consumer "process events.process.lifecycle" in "publish events.process.lifecycle"
}
