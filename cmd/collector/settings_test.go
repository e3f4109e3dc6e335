package main_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	program "github.com/daemoneye/eventbus/cmd/collector"
	"github.com/daemoneye/eventbus/internal/daemon"
)

const example = "collector.example.toml"

func TestTheExampleHoldsTheDefaults(t *testing.T) {
	defaults := program.DefaultSettings()
	defaults.Bus = eventbus.Config{}.WithDefaults()
	got, warnings, err := program.LoadSettings(program.Flags{Flags: daemon.Flags{Config: example}})
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, defaults, got)
}

func TestTheExampleHoldsEveryKey(t *testing.T) {
	data, err := os.ReadFile(example)
	require.NoError(t, err)
	var tree map[string]any
	require.NoError(t, toml.Unmarshal(data, &tree))
	settings := program.DefaultSettings()
	for table, value := range map[string]any{"event_bus": settings.Bus, "collect": settings.Collect, "log": settings.Log, "http": settings.HTTP, "health": settings.Health} {
		requireKeys(t, tree, table, reflect.ValueOf(value))
	}
}

// requireKeys fails if the table lacks a key of a struct or of the structs in it.
func requireKeys(t *testing.T, tree map[string]any, table string, value reflect.Value) {
	t.Helper()
	keys, ok := tree[table].(map[string]any)
	require.True(t, ok, "[%s]", table)
	for field, inner := range value.Fields() {
		key := field.Tag.Get("toml")
		if key == "" {
			continue
		}
		require.Contains(t, keys, key, "[%s]", table)
		if inner.Kind() == reflect.Struct {
			requireKeys(t, keys, key, inner)
		}
	}
}

func TestFlagsBeatTheFile(t *testing.T) {
	s, _, err := program.LoadSettings(program.Flags{Flags: daemon.Flags{Config: example, Socket: "/s", Listen: "127.0.0.1:1"}})
	require.NoError(t, err)
	require.Equal(t, "/s", s.Bus.NATS.SocketPath)
	require.Equal(t, "127.0.0.1:1", s.Bus.NATS.Listen)
	_, _, err = program.LoadSettings(program.Flags{BusType: new(eventbus.Local), Flags: daemon.Flags{Listen: "127.0.0.1:1"}})
	require.ErrorContains(t, err, "--listen 127.0.0.1:1: the local bus has no server")
}

func TestTheLogFlagsBeatTheFile(t *testing.T) {
	s, _, err := program.LoadSettings(program.Flags{Flags: daemon.Flags{Config: example, LogFlags: daemon.LogFlags{LogLevel: new("debug"), LogFormat: new("json")}}})
	require.NoError(t, err)
	require.Equal(t, daemon.Log{Level: slog.LevelDebug, Format: "json"}, s.Log)
}

func TestTheHTTPFlagBeatsTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.toml")
	require.NoError(t, os.WriteFile(file, []byte("[http]\nlisten = \"127.0.0.1:1\"\npprof = true\n"), 0o600))
	s, _, err := program.LoadSettings(program.Flags{Flags: daemon.Flags{Config: file}})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:1", s.HTTP.Listen)
	s, _, err = program.LoadSettings(program.Flags{Flags: daemon.Flags{Config: file, HTTP: "[::1]:2"}, BusType: new(eventbus.Local)})
	require.NoError(t, err)
	require.Equal(t, "[::1]:2", s.HTTP.Listen)
	require.True(t, s.HTTP.Pprof)
	require.Equal(t, []bool{true, false}, []bool{s.HTTP.Page, s.HTTP.Events})
	s, _, err = program.LoadSettings(program.Flags{Flags: daemon.Flags{Config: file, HTTPEvents: true}})
	require.NoError(t, err)
	require.True(t, s.HTTP.Events)
}

func TestTheDefaultPathsAreThoseThatExist(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	ssh := filepath.Join(home, ".ssh")
	require.NotContains(t, program.DefaultPaths(), ssh)
	require.NoError(t, os.Mkdir(ssh, 0o700))
	require.Contains(t, program.DefaultPaths(), ssh)
	for _, path := range program.DefaultPaths() {
		_, err := os.Stat(path)
		require.NoError(t, err)
	}
}
