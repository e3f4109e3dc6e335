package observe_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/natsbus"
	"github.com/daemoneye/eventbus/observe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what is waited for, and step is how often it is looked whether it is there.
const (
	patience = 20 * time.Second
	step     = 2 * time.Millisecond
)

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// closing shuts a bus down at the end of the test; what a test left queued is of no interest.
func closing[B bus.Bus](t testing.TB) func(B, error) B {
	return func(b B, err error) B {
		t.Helper()
		require.NoError(t, err)
		t.Cleanup(func() { _ = b.Shutdown(ended()) })
		return b
	}
}

func local(t testing.TB, options *bus.Options) *localbus.Bus {
	t.Helper()
	return closing[*localbus.Bus](t)(localbus.New(options))
}

// startServer starts an embedded server on a socket in a directory with a short path, and on a loopback port.
func startServer(t testing.TB, options embed.Options) *embed.Server {
	t.Helper()
	if options.Socket == "" {
		dir, err := os.MkdirTemp("", "eb")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
		options.Socket = filepath.Join(dir, "s")
	}
	options.Listen = "127.0.0.1:0"
	server, err := embed.Start(background(t), &options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(background(t))) })
	return server
}

func inside(t testing.TB, server natsbus.Server) *natsbus.Bus {
	t.Helper()
	return closing[*natsbus.Bus](t)(natsbus.InProcess(background(t), server, nil))
}

func attach(t testing.TB, server *embed.Server) *natsbus.Bus {
	t.Helper()
	return closing[*natsbus.Bus](t)(natsbus.Attach(background(t), server.Socket(), nil))
}

func subscribe(t testing.TB, b bus.Bus, subscription bus.Subscription) bus.Receiver {
	t.Helper()
	r, err := b.Subscribe(background(t), subscription)
	require.NoError(t, err)
	return r
}

func process(pid uint32) bus.Event {
	return bus.Event{Payload: &bus.ProcessEvent{PID: pid, Name: "p", Timestamp: time.Now()}}
}

func publish(t testing.TB, b bus.Bus, n int) {
	t.Helper()
	for pid := range n {
		require.NoError(t, b.Publish(background(t), process(uint32(pid))))
	}
}

// meter reads the metrics of a bus.
type meter struct {
	t        testing.TB
	registry *prometheus.Registry
}

func newMeter(t testing.TB, b bus.Bus) *meter {
	m := &meter{t: t, registry: prometheus.NewPedanticRegistry()}
	require.NoError(t, m.registry.Register(observe.NewCollector(b)))
	return m
}

// read returns all values by series, such as lost_events_total{subscription=s}, without the prefix of this project.
func (m *meter) read() map[string]float64 {
	m.t.Helper()
	families, err := m.registry.Gather()
	require.NoError(m.t, err)
	values := make(map[string]float64)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, pair := range metric.GetLabel() {
				labels = append(labels, pair.GetName()+"="+pair.GetValue())
			}
			slices.Sort(labels)
			name := strings.TrimPrefix(family.GetName(), "eventbus_")
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			values[name] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return values
}

// is checks that a series is there and has the value.
func (m *meter) is(want float64, series string) {
	m.t.Helper()
	values := m.read()
	require.Contains(m.t, values, series)
	require.Equal(m.t, want, values[series], series)
}

// becomes waits until a series has the value, and checks that it had another one before.
func (m *meter) becomes(want float64, series string) {
	m.t.Helper()
	require.Eventually(m.t, func() bool { return m.read()[series] == want }, patience, step, "%s: %v", series, m.read()[series])
}
