package interop_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/subjects"
)

// The nats CLI asks a running collector, as far as its role may.
func TestNATSAsksTheCollector(t *testing.T) {
	c := startCollector(t)
	c.context("observer")
	c.context("agent")
	ask := func(role, topic, request string, report any) {
		t.Helper()
		code, stdout, stderr := c.nats(role, "request", "--raw", topic, request)
		require.Zero(t, code, stderr)
		require.NoError(t, json.Unmarshal([]byte(stdout), report), stdout)
	}
	id := control.DefaultID("collector")
	for _, topic := range []string{subjects.ControlHealthStatus, subjects.ControlHealthStatus + "." + id} {
		var status control.StatusReport
		ask("observer", topic, "", &status)
		require.Equal(t, []any{id, "collector", bus.HealthHealthy}, []any{status.ID, status.Program, status.Health})
	}
	var diagnostics control.DiagnosticsReport
	eventually(t, func() bool { // it may not have published yet, and not have heard yet that who asked before has gone
		diagnostics = control.DiagnosticsReport{}
		ask("observer", subjects.ControlHealthDiagnostics, `{"topics":1,"sort":"matched"}`, &diagnostics)
		return len(diagnostics.Topics) == 1 && diagnostics.TopicsOmitted != nil && diagnostics.Server.Clients == 1
	}, func() string { return fmt.Sprintf("%+v", diagnostics) })
	require.Len(t, diagnostics.Collectors, 4)

	var configuration control.ConfigurationReport
	ask("agent", subjects.ControlCollectorConfig, `{"set":{"log.level":"debug","log.format":"json"}}`, &configuration)
	require.Equal(t, []control.Change{
		{Key: "log.format", Result: control.NeedsRestart, Reason: configuration.Changes[0].Reason},
		{Key: "log.level", Result: control.Applied, Old: "INFO", Value: "DEBUG"},
	}, configuration.Changes)
	eventually(t, func() bool {
		return strings.Contains(c.said(), `key=log.level old=INFO value=DEBUG origin="request of the role agent"`)
	}, c.said)

	// A refusal is told in NATS's own way.
	_, _, refused := c.nats("observer", "request", subjects.ControlHealthStatus, `{"verbose":true}`)
	require.Contains(t, refused, `Nats-Service-Error: unknown field "verbose"`)
	require.Contains(t, refused, "Nats-Service-Error-Code: 400")
	_, _, stderr := c.nats("observer", "--timeout", "5s", "request", subjects.ControlCollectorConfig, "")
	require.Contains(t, stderr, "Permissions Violation for Publish")
	_, _, stderr = c.nats("observer", "--timeout", "5s", "request", subjects.ControlHealthStatus+".nobody", "")
	require.Contains(t, stderr, "No responders are available")
}

// A heartbeat is an event like any other to a plain client.
func TestNATSHearsHeartbeats(t *testing.T) {
	c := startCollector(t)
	messages, err := c.plain("observer").SubscribeSync("control.health.heartbeat.*")
	require.NoError(t, err)
	_, err = control.Configure(waiting(t), c.attach("agent"), "", map[string]any{"health.heartbeat": "100ms"})
	require.NoError(t, err)
	message, err := messages.NextMsgWithContext(waiting(t))
	require.NoError(t, err)
	heartbeat := decode(t, message)
	require.Equal(t, "health", heartbeat["type"])
	payload := heartbeat["payload"].(map[string]any)
	require.Equal(t, []any{control.DefaultID("collector"), "healthy"}, []any{payload["id"], payload["status"]})
	require.Equal(t, "control.health.heartbeat."+control.DefaultID("collector"), message.Subject)
}
