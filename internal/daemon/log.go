package daemon

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/daemoneye/eventbus"
)

// Log is the table [log] of a configuration.
type Log struct {
	Level  slog.Level `toml:"level"`
	Format string     `toml:"format"` // text, json
}

// DefaultLog returns the defaults.
func DefaultLog() Log { return Log{Level: slog.LevelInfo, Format: "text"} }

// Validate is called by [eventbus.Load].
func (l *Log) Validate() error {
	if l.Format != "text" && l.Format != "json" {
		return &eventbus.ConfigError{Key: "log.format", Value: fmt.Sprintf("%q", l.Format), Reason: "must be text or json"}
	}
	return nil
}

// Logger returns a logger that writes to w, and has said the warnings already. Setting level changes at once what it leaves out.
func (l *Log) Logger(w io.Writer, warnings []eventbus.Warning) (logger *slog.Logger, level *slog.LevelVar) {
	level = new(slog.LevelVar)
	level.Set(l.Level)
	options := &slog.HandlerOptions{Level: level}
	logger = slog.New(slog.NewTextHandler(w, options))
	if l.Format == "json" {
		logger = slog.New(slog.NewJSONHandler(w, options))
	}
	for _, warning := range warnings {
		logger.Warn(warning.Text, "key", warning.Key, "origin", warning.Origin)
	}
	return logger, level
}
