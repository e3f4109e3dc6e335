package tracing_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/tracing"
)

// lateProvider makes this program the one of TestProviderOfTheProgram.
const lateProvider = "TRACING_LATE_PROVIDER"

func TestMain(m *testing.M) {
	if os.Getenv(lateProvider) != "" {
		if err := setProviderLate(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// TestProviderOfTheProgram runs in a process of its own, since a provider that is set once cannot be taken away from the other tests.
func TestProviderOfTheProgram(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), lateProvider+"=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, `publish events.process.lifecycle
process events.process.lifecycle
publish events.process.lifecycle
`, string(out))
}

// setProviderLate publishes before and after the program has a provider, by a bus that was wrapped before it, and by one after it.
func setProviderLate() error {
	ctx := context.Background()
	inner, err := localbus.New(nil)
	if err != nil {
		return err
	}
	early := tracing.Wrap(inner, nil)
	if err := early.Publish(ctx, process(1)); err != nil {
		return err
	}
	tracing.StartProcess(ctx, new(process(1)))
	exporter := tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSyncer(exporter)))
	if err := early.Publish(ctx, process(2)); err != nil {
		return err
	}
	_, span := tracing.StartProcess(ctx, new(process(2)))
	span.End()
	if err := tracing.Wrap(inner, nil).Publish(ctx, process(3)); err != nil {
		return err
	}
	for _, span := range exporter.GetSpans() {
		fmt.Println(span.Name)
	}
	return inner.Shutdown(ctx)
}

func process(pid uint32) bus.Event {
	return bus.Event{Source: "test", Payload: &bus.ProcessEvent{PID: pid, Name: "sleep", CommandLine: []string{"sleep", "7"}}}
}
