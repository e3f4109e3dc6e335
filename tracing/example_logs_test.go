package tracing_test

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/tracing"
)

// traced adds the IDs of the context's span to each record.
type traced struct{ slog.Handler }

func (h traced) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }
func (h traced) WithGroup(name string) slog.Handler       { return traced{h.Handler.WithGroup(name)} }

// What a subscriber logs about an event can name the event's trace.
func ExampleContext_logs() {
	withoutTime := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}
	logger := slog.New(traced{slog.NewTextHandler(os.Stdout, withoutTime)})
	event := &bus.Event{Payload: &bus.ProcessEvent{PID: 4242}} // as it was received
	event.Correlation.TraceID, event.Correlation.SpanID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	pid, _ := event.PID()
	logger.InfoContext(tracing.Context(context.Background(), event), "a suspicious process", "pid", pid)
	// Output:
	// level=INFO msg="a suspicious process" pid=4242 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7
}
