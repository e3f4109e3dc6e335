package main_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
)

// TestServeAnswersAndIsConfigured asks a running eventbus serve, and has it read its configuration again.
func TestServeAnswersAndIsConfigured(t *testing.T) {
	dir := runtimeDir(t)
	config := filepath.Join(dir, "serve.toml")
	require.NoError(t, os.WriteFile(config, []byte("[health]\nid = \"hub\"\nheartbeat = \"1h\"\n"), 0o600))
	served := run(t, dir, "serve", "--config", config)
	served.line()
	b := attachTo(t, dir)
	status, err := control.Status(t.Context(), b, "")
	require.NoError(t, err)
	require.Equal(t, []any{"hub", "eventbus", served.cmd.Process.Pid, bus.HealthHealthy, time.Hour},
		[]any{status.ID, status.Program, status.PID, status.Health, status.Heartbeat})
	diagnostics, err := control.Diagnostics(t.Context(), b, "hub", nil)
	require.NoError(t, err)
	require.Equal(t, 1, diagnostics.Server.Clients)
	require.Empty(t, diagnostics.Collectors)
	report, err := control.Configure(t.Context(), b, "hub", map[string]any{"event_bus.overflow": "drop-oldest", "event_bus.nats.role": "observer"})
	require.NoError(t, err)
	require.Equal(t, []control.Result{control.NeedsRestart, control.Applied}, []control.Result{report.Changes[0].Result, report.Changes[1].Result})

	require.NoError(t, os.WriteFile(config, []byte("[health]\nid = \"hub\"\nheartbeat = \"100ms\"\n"), 0o600))
	require.NoError(t, served.cmd.Process.Signal(syscall.SIGHUP))
	beats, err := b.Subscribe(t.Context(), bus.Subscription{ID: "beats", Patterns: []string{"control.health.heartbeat.hub"}})
	require.NoError(t, err)
	event, err := beats.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, 100*time.Millisecond, event.Payload.(*bus.HealthEvent).Interval)

	code, said := served.end(syscall.SIGTERM)
	require.Equal(t, 143, code, said)
	require.Contains(t, said, `msg="the configuration has changed" key=health.heartbeat old=1h value=100ms origin=`+config+":3")
	require.Contains(t, said, `key=event_bus.overflow old=drop-oldest value=block origin=default`, "what the request had set is over")
}
