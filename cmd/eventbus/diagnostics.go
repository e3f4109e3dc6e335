package main

import (
	"context"
	"io"
	"log/slog"
)

// newLogger returns the logger of the bus, which writes to stderr: that the connection was lost, and that it is back.
func newLogger(stderr io.Writer, quiet bool) *slog.Logger {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelWarn
	}
	return slog.New(diagnostics{slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})})
}

// diagnostics leaves out what the bus logs about a subscriber. The only one here is the watcher, and its notices and the closing
// line tell the same in full, to those who want to be told.
type diagnostics struct{ slog.Handler }

// Handle implements [slog.Handler].
func (d diagnostics) Handle(ctx context.Context, record slog.Record) error {
	about := false
	record.Attrs(func(a slog.Attr) bool {
		about = about || a.Key == "subscription"
		return !about
	})
	if about {
		return nil
	}
	return d.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (d diagnostics) WithAttrs(attrs []slog.Attr) slog.Handler {
	return diagnostics{d.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (d diagnostics) WithGroup(name string) slog.Handler {
	return diagnostics{d.Handler.WithGroup(name)}
}
