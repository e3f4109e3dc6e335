package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/natsbus"
)

// setting returns one of a running collector's.
func setting(t testing.TB, report control.ConfigurationReport, key string) control.Setting {
	t.Helper()
	for _, s := range report.Settings {
		if s.Key == key {
			return s
		}
	}
	require.Fail(t, "no setting", key)
	return control.Setting{}
}

func TestARunningCollectorAnswers(t *testing.T) {
	dir := runtimeDir(t)
	c := start(t, dir)
	b := attach(t, dir)
	seeNap(t, watch(t, b, "watcher"))

	status, err := control.Status(background(t), b, "")
	require.NoError(t, err)
	require.Equal(t, control.DefaultID("collector"), status.ID)
	require.Equal(t, "collector", status.Program)
	require.Equal(t, c.cmd.Process.Pid, status.PID)
	require.Equal(t, bus.HealthHealthy, status.Health)
	require.Equal(t, 10*time.Second, status.Heartbeat)

	var report control.DiagnosticsReport
	names := make(map[string]control.CollectorStatistics)
	var published uint64
	require.Eventually(t, func() bool { // the process may have been seen in a first look that is not over yet
		report, err = control.Diagnostics(background(t), b, status.ID, nil)
		if err != nil {
			return false
		}
		for _, one := range report.Collectors {
			names[one.Name] = one
		}
		published = 0
		heartbeats := false // they are published on its bus, and counted there
		for _, topic := range report.Topics {
			published += topic.Published
			heartbeats = heartbeats || topic.Topic == "control.health.heartbeat."+status.ID
		}
		return heartbeats && names["process"].Scans > 0
	}, patience, 10*step)
	require.NoError(t, err)
	require.Equal(t, status.Publisher, report.Statistics.Publisher.String())
	require.Equal(t, 1, report.Server.Clients)
	require.Len(t, names, 3)
	require.Equal(t, 100*time.Millisecond, names["process"].Interval)
	const underWay = 10 // of what is just being published, the topic may know already and the bus not yet
	require.LessOrEqual(t, published, report.Statistics.Published+underWay)

	configuration, err := control.Configuration(background(t), b, status.ID)
	require.NoError(t, err)
	require.Equal(t, control.Setting{
		Key: "collect.process_interval", Value: "100ms", Origin: filepath.Join(dir, "quick.toml") + ":2", Live: true,
	}, setting(t, configuration, "collect.process_interval"))
	require.Equal(t, control.Setting{Key: "event_bus.nats.role", Value: "trusted", Origin: "EVENTBUS_NATS__ROLE"}, setting(t, configuration, "event_bus.nats.role"))
	require.False(t, setting(t, configuration, "collect.file_paths").Live, "there is no collector of files")

	c.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, c.wait(t))
	require.Contains(t, c.stdout.String(), "\ncontrol.health.heartbeat."+status.ID+" ")
}

func TestRequestsChangeWhatIsLive(t *testing.T) {
	dir := runtimeDir(t)
	c := start(t, dir)
	b := attach(t, dir)
	report, err := control.Configure(background(t), b, "", map[string]any{
		"log.level": "debug", "collect.process_interval": "24h", "collect.connection_interval": "1h", "collect.connection_traffic": true,
		"collect.performance_interval": "1h", "event_bus.queue_capacity": 77, "health.heartbeat": "100ms", "event_bus.nats.listen": "127.0.0.1:0",
		"collect.performance": false, "collect.process_intervall": "1s",
	})
	require.NoError(t, err)
	results := make(map[string]control.Result)
	for _, change := range report.Changes {
		results[change.Key] = change.Result
	}
	require.Equal(t, map[string]control.Result{
		"log.level": control.Applied, "collect.process_interval": control.Applied, "collect.connection_interval": control.Applied,
		"collect.connection_traffic": control.Applied, "collect.performance_interval": control.Applied, "event_bus.queue_capacity": control.Applied,
		"health.heartbeat": control.Applied, "event_bus.nats.listen": control.NeedsRestart, "collect.performance": control.NeedsRestart,
		"collect.process_intervall": control.Refused,
	}, results)
	require.Equal(t, control.Setting{Key: "log.level", Value: "DEBUG", Origin: "request", Live: true}, setting(t, report, "log.level"))
	c.awaitLog(t, "key=log.level old=INFO") // the last one
	require.Equal(t, 7, strings.Count(c.stderr.String(), `msg="the configuration has changed"`))

	diagnostics, err := control.Diagnostics(background(t), b, "", nil)
	require.NoError(t, err)
	for _, one := range diagnostics.Collectors {
		require.GreaterOrEqual(t, one.Interval, time.Hour, one.Name)
	}
	beats, err := b.Subscribe(background(t), bus.Subscription{ID: "beats", Patterns: []string{"control.health.heartbeat.+"}})
	require.NoError(t, err)
	event, err := beats.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, 100*time.Millisecond, event.Payload.(*bus.HealthEvent).Interval)
}

func TestAHangupReadsTheConfigurationAgain(t *testing.T) {
	dir := runtimeDir(t)
	files := filepath.Join(dir, "watched")
	require.NoError(t, os.Mkdir(files, 0o700))
	config := filepath.Join(dir, "live.toml")
	write := func(text string) { require.NoError(t, os.WriteFile(config, []byte(text), 0o600)) }
	write("[collect]\nprocesses = false\nconnections = false\nfile_paths = [\"/nowhere\"]\n")
	c := launch(t, command(dir, "--config", config))
	c.awaitLog(t, "msg=collecting")
	b := attach(t, dir)
	r, err := b.Subscribe(background(t), bus.Subscription{ID: "watcher", Patterns: []string{"events.filesystem.#"}})
	require.NoError(t, err)

	write("[collect]\nprocesses = 1\nfile_paths = []\n")
	c.signal(t, syscall.SIGHUP)
	c.awaitLog(t, "nothing has changed")
	require.Contains(t, c.stderr.String(), "live.toml:2: collect.processes = 1: must be true or false")

	write("[collect]\nconnections = false\nfile_paths = [\"" + files + "\"]\n[log]\nlevel = \"warn\"\n")
	c.signal(t, syscall.SIGHUP)
	c.awaitLog(t, "key=log.level")
	require.Contains(t, c.stderr.String(), `msg="a change of the configuration needs a restart" key=collect.processes value=true origin=default`)
	report, err := control.Configuration(background(t), b, "")
	require.NoError(t, err)
	require.Equal(t, control.Setting{Key: "collect.processes", Value: false, Origin: config + ":2", Pending: true}, setting(t, report, "collect.processes"))
	event, err := r.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, files, event.Payload.(*bus.FilesystemEvent).Path)
	require.Equal(t, "existing", event.Payload.(*bus.FilesystemEvent).Operation)

	// The program goes on as before, and less is logged.
	c.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, c.wait(t))
	require.NotContains(t, c.stderr.String(), "msg=ending")
}

func TestAKilledCollectorIsMissed(t *testing.T) {
	dir := runtimeDir(t)
	const seldom = 10 * step // a role may ask a hundred times a second
	shared := func(id string) *collector {
		cmd := command(dir) // three heartbeats are longer than a busy machine holds a collector up
		cmd.Env = append(cmd.Env, "EVENTBUS_NATS__SHARED=attach", "EVENTBUS_HEALTH__ID="+id, "EVENTBUS_HEALTH__HEARTBEAT=2s", "EVENTBUS_COLLECT__FILES=false")
		c := launch(t, cmd)
		c.awaitLog(t, "msg=collecting")
		return c
	}
	first := shared("first")
	second := shared("second")
	b := attach(t, dir)
	changes, err := b.Subscribe(background(t), bus.Subscription{ID: "changes", Patterns: []string{"control.health.status"}})
	require.NoError(t, err)
	peer := func(want bus.Health) bool {
		status, err := control.Status(background(t), b, "first")
		require.NoError(t, err)
		return len(status.Peers) == 1 && status.Peers[0].ID == "second" && status.Peers[0].Health == want
	}
	require.Eventually(t, func() bool { return peer(bus.HealthHealthy) }, patience, seldom)
	require.Eventually(t, func() bool {
		status, err := control.Status(background(t), b, "first")
		return err == nil && status.Peers[0].Published > 0
	}, patience, seldom, "its second heartbeat counts its events")
	require.NoError(t, second.cmd.Process.Kill())
	require.Eventually(t, func() bool { return peer(bus.HealthMissing) }, patience, seldom)
	event, err := changes.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, "first", event.Source)
	missing := event.Payload.(*bus.HealthEvent)
	require.Equal(t, []any{"second", bus.HealthMissing}, []any{missing.ID, missing.Status})
	require.Positive(t, missing.Published)
	first.awaitLog(t, `level=WARN msg="the heartbeats of a component have stopped" id=second `)

	second = shared("second")
	event, err = changes.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, bus.HealthHealthy, event.Payload.(*bus.HealthEvent).Status)
	first.awaitLog(t, `level=INFO msg="the heartbeats of a component are back" id=second `)

	// Who ends in order is not missed.
	second.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, second.wait(t))
	require.Eventually(t, func() bool { return peer(bus.HealthStopping) }, patience, seldom)
	first.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, first.wait(t))
	require.Equal(t, 1, strings.Count(first.stderr.String(), "have stopped"))
}

// TestRolesMayAskWhatTheyMay has an observer, who may see how a collector is, and not how it is configured.
func TestRolesMayAskWhatTheyMay(t *testing.T) {
	dir := runtimeDir(t)
	start(t, dir)
	as := func(role string) bus.Bus {
		b, err := natsbus.Attach(background(t), socketIn(dir), &natsbus.Options{Credentials: filepath.Join(dir, "state", "eventbus", "credentials", role+".nk")})
		require.NoError(t, err)
		t.Cleanup(func() { _ = b.Shutdown(t.Context()) }) // it may have been cut off
		return b
	}
	observer, agent := as("observer"), as("agent")
	_, err := control.Status(background(t), observer, "")
	require.NoError(t, err)
	_, err = control.Diagnostics(background(t), observer, control.DefaultID("collector"), nil)
	require.NoError(t, err)
	_, err = control.Configuration(background(t), observer, "")
	require.ErrorIs(t, err, bus.ErrForbidden)
	report, err := control.Configure(background(t), agent, control.DefaultID("collector"), map[string]any{"log.level": "debug"})
	require.NoError(t, err)
	require.Equal(t, control.Applied, report.Changes[0].Result)
}
