package daemon_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/daemon"
)

func TestTheLevelCanBeChanged(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		table := daemon.Log{Level: slog.LevelWarn, Format: format}
		logger, level := table.Logger(&out, []eventbus.Warning{{Key: "a.b", Origin: "c.toml:1", Text: "a.b is deprecated"}})
		require.Contains(t, out.String(), "a.b is deprecated")
		out.Reset()
		logger.Info("no")
		require.Empty(t, out.String())
		level.Set(slog.LevelDebug)
		logger.Debug("yes")
		require.Contains(t, out.String(), "yes")
		level.Set(slog.LevelError)
		out.Reset()
		logger.Warn("no")
		require.Empty(t, out.String())
	}
}

func TestTheLogFlags(t *testing.T) {
	table := daemon.DefaultLog()
	require.NoError(t, (&daemon.LogFlags{}).OverrideLog(&table))
	require.Equal(t, daemon.DefaultLog(), table)
	require.NoError(t, (&daemon.LogFlags{LogLevel: new("error"), LogFormat: new("json")}).OverrideLog(&table))
	require.Equal(t, daemon.Log{Level: slog.LevelError, Format: "json"}, table)
	require.ErrorContains(t, (&daemon.LogFlags{LogLevel: new("loud")}).OverrideLog(&table), `--log-level: slog: level string "loud"`)
}
