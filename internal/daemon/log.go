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

// LogFlags are the arguments about the log. A missing one leaves the configuration as it is.
type LogFlags struct {
	LogLevel  *string `enum:"debug,info,warn,error" placeholder:"debug|info|warn|error" help:"The least level that is logged."`
	LogFormat *string `enum:"text,json" placeholder:"text|json" help:"Log lines as text or as JSON."`
}

// OverrideLog puts the flags on top of a configuration.
func (f *LogFlags) OverrideLog(l *Log) error {
	if f.LogFormat != nil {
		l.Format = *f.LogFormat
	}
	if f.LogLevel == nil {
		return nil
	}
	if err := l.Level.UnmarshalText([]byte(*f.LogLevel)); err != nil {
		return &UsageError{fmt.Sprintf("--log-level: %v", err)}
	}
	return nil
}

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
	warn(logger, warnings)
	return logger, level
}

// warn says the warnings.
func warn(logger *slog.Logger, warnings []eventbus.Warning) {
	for _, warning := range warnings {
		logger.Warn("a setting is deprecated", "key", warning.Key, "origin", warning.Origin, "warning", warning.Text)
	}
}
