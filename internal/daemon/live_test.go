package daemon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/localbus"
)

// program has settings from a file, and a flag.
type program struct {
	t      *testing.T
	file   string
	bus    *localbus.Bus
	log    strings.Builder
	logger *slog.Logger
	level  *slog.LevelVar
	broken error    // of putting the heartbeat in force
	tuned  []string // capacity and policy of each time the bus was tuned
}

type programSettings struct {
	Bus    eventbus.Config
	Log    daemon.Log
	Health daemon.Health
}

func (s *programSettings) tables() (*eventbus.Config, []eventbus.Section) {
	return &s.Bus, []eventbus.Section{{Name: "log", Into: &s.Log}, {Name: "health", Into: &s.Health}}
}

func (p *program) write(text string) {
	p.t.Helper()
	require.NoError(p.t, os.WriteFile(p.file, []byte(text), 0o600))
}

func (p *program) load() (programSettings, []eventbus.Warning, error) {
	s := programSettings{Log: daemon.DefaultLog(), Health: daemon.DefaultHealth()}
	_, sections := s.tables()
	config, warnings, err := eventbus.Load(p.file, sections...)
	s.Bus = config
	s.Bus.MaxSubscribers = 77 // the flag
	return s, warnings, err
}

func newProgram(t *testing.T, text string) (*program, *daemon.Live[programSettings]) {
	t.Helper()
	b, err := localbus.New(nil)
	require.NoError(t, err)
	p := &program{t: t, file: filepath.Join(t.TempDir(), "p.toml"), bus: b, level: new(slog.LevelVar)}
	p.logger = slog.New(slog.NewTextHandler(&p.log, &slog.HandlerOptions{Level: p.level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	p.write(text)
	settings, _, err := p.load()
	require.NoError(t, err)
	live := daemon.LiveBus(b, func(s *programSettings) eventbus.Config {
		p.tuned = append(p.tuned, fmt.Sprint(s.Bus.QueueCapacity, " ", s.Bus.Overflow))
		return s.Bus
	})
	live["log.level"] = func(s *programSettings) error { p.level.Set(s.Log.Level); return nil }
	live["health.heartbeat"] = func(*programSettings) error { return p.broken }
	return p, daemon.NewLive(settings, daemon.LiveOptions[programSettings]{
		Tables: (*programSettings).tables, Load: p.load, Logger: p.logger, Live: live,
		Explain: func() ([]eventbus.Value, error) {
			s := programSettings{Log: daemon.DefaultLog(), Health: daemon.DefaultHealth()}
			_, sections := s.tables()
			values, _, err := eventbus.Explain(p.file, nil, sections...)
			return values, err
		},
	})
}

// said returns the log since the last call.
func (p *program) said() string {
	defer p.log.Reset()
	return strings.ReplaceAll(p.log.String(), p.file, "FILE")
}

// capacity returns the capacity of a new queue.
func (p *program) capacity() int {
	p.t.Helper()
	r, err := p.bus.Subscribe(p.t.Context(), bus.Subscription{ID: "s"})
	require.NoError(p.t, err)
	require.NoError(p.t, p.bus.Unsubscribe(p.t.Context(), "s"))
	return r.Statistics().QueueCapacity
}

func setting(t *testing.T, live control.Settings, key string) control.Setting {
	t.Helper()
	for _, s := range live.Settings() {
		if s.Key == key {
			return s
		}
	}
	require.Fail(t, "no setting", key)
	return control.Setting{}
}

func set(live control.Settings, values map[string]string) []control.Change {
	raw := make(map[string]json.RawMessage)
	for key, value := range values {
		raw[key] = json.RawMessage(value)
	}
	return live.Set(context.Background(), "request of the role agent", raw)
}

func TestSettingsSayWhereTheyComeFrom(t *testing.T) {
	p, live := newProgram(t, "[event_bus]\nqueue_capacity = 9\nnats.url = \"nats://me:secret@host:4222\"\n")
	require.Equal(t, control.Setting{Key: "event_bus.queue_capacity", Value: int64(9), Origin: p.file + ":2", Live: true}, setting(t, live, "event_bus.queue_capacity"))
	require.Equal(t, control.Setting{Key: "event_bus.max_subscribers", Value: int64(77), Origin: "flag"}, setting(t, live, "event_bus.max_subscribers"))
	require.Equal(t, control.Setting{Key: "log.level", Value: "INFO", Origin: "default", Live: true}, setting(t, live, "log.level"))
	require.Equal(t, "nats://host:4222", setting(t, live, "event_bus.nats.url").Value, "without its password")
	settings := live.Settings()
	for i := range settings[1:] {
		require.Less(t, settings[i].Key, settings[i+1].Key)
	}
}

func TestAReloadAppliesWhatIsLiveAndNamesTheRest(t *testing.T) {
	p, live := newProgram(t, "")
	live.Reload()
	require.Equal(t, "level=INFO msg=\"the configuration was read again, and nothing has changed\"\n", p.said())

	p.write("[event_bus]\nqueue_capacity = 9\nnats.role = \"observer\"\n[log]\nlevel = \"debug\"\nformat = \"json\"\n")
	live.Reload()
	require.Equal(t, `level=INFO msg="the configuration has changed" key=event_bus.queue_capacity old=1024 value=9 origin=FILE:2
level=WARN msg="a change of the configuration needs a restart" key=event_bus.nats.role value=observer origin=FILE:3
level=INFO msg="the configuration has changed" key=log.level old=INFO value=DEBUG origin=FILE:5
level=WARN msg="a change of the configuration needs a restart" key=log.format value=json origin=FILE:6
`, p.said())
	require.Equal(t, slog.LevelDebug, p.level.Level())
	require.Equal(t, 9, p.capacity())
	require.Equal(t, control.Setting{Key: "log.format", Value: "text", Origin: "default", Pending: "json"}, setting(t, live, "log.format"))
	require.Equal(t, p.file+":2", setting(t, live, "event_bus.queue_capacity").Origin)

	p.write("[event_bus]\nqueue_capacity = 9\n")
	live.Reload()
	require.Equal(t, "level=INFO msg=\"the configuration has changed\" key=log.level old=DEBUG value=INFO origin=default\n", p.said())
	require.Nil(t, setting(t, live, "log.format").Pending, "it is as it was")
}

func TestABadConfigurationChangesNothing(t *testing.T) {
	p, live := newProgram(t, "")
	before := live.Settings()
	for _, bad := range []string{
		"[log]\nlevel = \"debug\"\n[event_bus]\nqueue_capacity = -1\noverflows = 1\n", "[log\n", strings.Repeat("#", 200<<10),
	} {
		p.write(bad)
		live.Reload()
		said := p.said()
		require.Contains(t, said, "level=ERROR msg=\"the configuration was read again and cannot be used, so nothing has changed\" error=")
		require.Contains(t, said, "FILE")
		require.Equal(t, 1, strings.Count(said, "\n"))
		require.Equal(t, before, live.Settings())
		require.Equal(t, slog.LevelInfo, p.level.Level())
	}
	require.NoError(t, os.Remove(p.file))
	live.Reload()
	require.Contains(t, p.said(), "FILE")
	require.Equal(t, before, live.Settings())
}

func TestAChangedPasswordNeedsARestart(t *testing.T) {
	p, live := newProgram(t, "[event_bus]\nnats.url = \"nats://me:secret@host:4222\"\n")
	p.write("[event_bus]\nnats.url = \"nats://me:other@host:4222\"\n")
	live.Reload()
	said := p.said()
	require.Contains(t, said, "needs a restart\" key=event_bus.nats.url value=nats://host:4222")
	require.NotContains(t, said, "other")
	changes := set(live, map[string]string{"event_bus.nats.url": `"nats://me:third@host:4222"`, "event_bus.nats.leaf.hub": `"tls://x:y@hub:7422"`})
	require.Equal(t, []control.Result{control.NeedsRestart, control.NeedsRestart}, []control.Result{changes[0].Result, changes[1].Result})
}

func TestARequestSetsWhatItCan(t *testing.T) {
	p, live := newProgram(t, "")
	changes := set(live, map[string]string{
		"event_bus.queue_capacity": `9`, "event_bus.overflow": `"drop-oldest"`, "event_bus.max_subscribers": `5`, "event_bus.publish_timeout": `"0s"`,
		"event_bus.circuit_break.window": `-1`, "log.level": `"loud"`, "log.format": `"text"`, "log.lovel": `"debug"`, "health": `{}`, "health.heartbeat": `1.5`,
		"health.id": `null`, "collect.processes": `true`,
	})
	var results []string
	for _, c := range changes {
		results = append(results, c.Key+" "+string(c.Result)+" "+c.Reason)
	}
	require.Equal(t, []string{
		"collect.processes refused unknown key",
		`event_bus.circuit_break.window refused must be a duration such as "5s" or "1m30s", not negative`,
		"event_bus.max_subscribers restart it is read at the start: change the file, and start again",
		"event_bus.overflow applied ",
		"event_bus.publish_timeout unchanged ",
		"event_bus.queue_capacity applied ",
		"health refused is a table: set its keys",
		`health.heartbeat refused must be a duration such as "5s" or "1m30s", not negative`,
		"health.id refused must be a string",
		"log.format unchanged ",
		"log.level refused slog: level string \"loud\": unknown name",
		"log.lovel refused unknown key, did you mean log.level?",
	}, results)
	require.Equal(t, control.Change{Key: "event_bus.queue_capacity", Result: control.Applied, Old: int64(1024), Value: int64(9)}, changes[5])
	require.Equal(t, 9, p.capacity())
	require.Equal(t, control.Setting{Key: "event_bus.queue_capacity", Value: int64(9), Origin: "request", Live: true}, setting(t, live, "event_bus.queue_capacity"))
	said := p.said()
	require.Contains(t, said, "level=INFO msg=\"the configuration has changed\" key=event_bus.queue_capacity old=1024 value=9 origin=\"request of the role agent\"\n")
	require.Contains(t, said, "level=WARN msg=\"a change of the configuration was refused\" key=log.lovel ")
	require.Equal(t, 77, int(setting(t, live, "event_bus.max_subscribers").Value.(int64)))
	require.Nil(t, setting(t, live, "event_bus.max_subscribers").Pending, "nothing will come of it")

	// The file is asked again, and what it says counts.
	live.Reload()
	require.Equal(t, bus.DefaultQueueCapacity, p.capacity())
	require.Equal(t, "default", setting(t, live, "event_bus.queue_capacity").Origin)
}

func TestAValueThatCannotBePutInForceIsNot(t *testing.T) {
	p, live := newProgram(t, "")
	p.broken = errors.New("it is stuck")
	changes := set(live, map[string]string{"health.heartbeat": `"1s"`})
	require.Equal(t, []control.Change{{Key: "health.heartbeat", Result: control.Refused, Reason: "it is stuck"}}, changes)
	p.said()
	p.write("[health]\nheartbeat = \"1s\"\n")
	live.Reload()
	require.Contains(t, p.said(), `level=ERROR msg="a change of the configuration could not be made" key=health.heartbeat value=1s origin=FILE:2 reason="it is stuck"`)
	require.Equal(t, control.Setting{Key: "health.heartbeat", Value: "10s", Origin: "default", Live: true, Pending: "1s"}, setting(t, live, "health.heartbeat"))
	p.broken = nil
	live.Reload()
	require.Equal(t, control.Setting{Key: "health.heartbeat", Value: "1s", Origin: p.file + ":2", Live: true}, setting(t, live, "health.heartbeat"))
}

// TestWhatChangesTogetherIsNeverHalfInForce: two keys that the same function puts in force.
func TestWhatChangesTogetherIsNeverHalfInForce(t *testing.T) {
	p, live := newProgram(t, "")
	p.write("[event_bus]\nqueue_capacity = 9\noverflow = \"drop-oldest\"\n")
	live.Reload()
	require.Equal(t, []string{"9 drop-oldest", "9 drop-oldest"}, p.tuned)
	p.tuned = nil
	changes := set(live, map[string]string{"event_bus.queue_capacity": "7", "event_bus.overflow": `"drop-newest"`, "event_bus.publish_timeout": `"-1s"`})
	require.Equal(t, []control.Result{control.Applied, control.Refused, control.Applied}, []control.Result{changes[0].Result, changes[1].Result, changes[2].Result})
	require.Equal(t, []string{"7 drop-newest", "7 drop-newest"}, p.tuned)
}

func TestTheHealthTableIsChecked(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"id = \"A b\"", `:2: health.id = "A b": must be 1 to 64 of a-z, 0-9, _ and -`},
		{"heartbeat = \"1ms\"", `:2: health.heartbeat = "1ms": must be 0 or at least 100ms`},
	} {
		file := filepath.Join(t.TempDir(), "h.toml")
		require.NoError(t, os.WriteFile(file, []byte("[health]\n"+tt.text+"\n"), 0o600))
		health := daemon.DefaultHealth()
		_, _, err := eventbus.Load(file, eventbus.Section{Name: "health", Into: &health})
		require.ErrorContains(t, err, tt.want)
	}
	health := daemon.DefaultHealth()
	options := health.Options("prog", eventbus.Config{}.WithDefaults(), nil)
	require.Equal(t, control.DefaultID("prog"), options.ID)
	require.Equal(t, control.DefaultMaxAnswer, options.MaxAnswer)
	config := eventbus.Config{}
	config.NATS.MaxPayload = 64 << 10
	require.Equal(t, 48<<10, health.Options("prog", config, nil).MaxAnswer)
	config.NATS.MaxPayload = 1
	require.Equal(t, 4<<10, health.Options("prog", config, nil).MaxAnswer)
}

func TestTheLogSaysWhenItBecomesQuiet(t *testing.T) {
	level, log := new(slog.LevelVar), strings.Builder{}
	quiet := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
	l := daemon.NewLive(programSettings{Log: daemon.DefaultLog()}, daemon.LiveOptions[programSettings]{
		Tables: (*programSettings).tables, Logger: quiet,
		Explain: func() ([]eventbus.Value, error) { return nil, errors.New("unknown") },
		Live:    map[string]func(*programSettings) error{"log.level": func(s *programSettings) error { level.Set(s.Log.Level); return nil }},
	})
	require.Empty(t, setting(t, l, "log.level").Origin)
	for _, level := range []string{"warn", "error", "warn", "info", "debug"} {
		require.Equal(t, control.Applied, set(l, map[string]string{"log.level": `"` + level + `"`})[0].Result)
	}
	require.Equal(t, []string{"WARN old=INFO value=WARN", "INFO old=WARN value=INFO", "INFO old=INFO value=DEBUG"},
		regexp.MustCompile(`[A-Z]+ old=[A-Z]+ value=[A-Z]+`).FindAllString(strings.NewReplacer(`msg="the configuration has changed" key=log.level `, "").Replace(log.String()), -1))

	p, live := newProgram(t, "")
	p.write("[log]\nlevel = \"warn\"\n[health]\nheartbeat = \"1s\"\n")
	live.Reload()
	require.Equal(t, `level=WARN msg="the configuration has changed" key=log.level old=INFO value=WARN origin=FILE:2
level=WARN msg="the configuration has changed" key=health.heartbeat old=10s value=1s origin=FILE:4
`, p.said(), "what comes with it is not lost")
}
