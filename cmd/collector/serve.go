package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/show"
)

// serve loads the configuration, opens the bus and runs the daemon on it. It returns nil if the end was asked for.
func serve(ctx context.Context, f flags, getenv func(string) string, stdout, stderr io.Writer) error {
	s, warnings, err := loadSettings(f)
	if err != nil {
		return err
	}
	out := newConsole(stdout, getenv)
	if len(f.Print) > 0 {
		out.width = nil // the events are what is to be seen
	}
	logger := newLogger(out.beside(stderr), s.Log)
	for _, w := range warnings {
		logger.Warn(w.Text, "key", w.Key, "origin", w.Origin)
	}
	s.Bus.Logger = logger
	b, err := eventbus.Open(ctx, s.Bus)
	if err != nil {
		if stopRequested(ctx) != "" {
			return nil
		}
		return explain(err)
	}
	printed := &lineCounter{out: out}
	d := &daemon{
		flags: f, settings: s, logger: logger, console: out, bus: b, counter: &counter{next: b}, printed: printed,
		events: show.NewPrinter(printed, show.Text, show.UseColor(show.ColorAuto, stdout, getenv)),
	}
	return d.run(ctx)
}

func newLogger(w io.Writer, table logTable) *slog.Logger {
	options := &slog.HandlerOptions{Level: table.Level}
	if table.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// explain says what to do about a socket that another collector holds.
func explain(err error) error {
	inUse, ok := errors.AsType[*embed.InUseError](err)
	if !ok {
		return err
	}
	holder := "another server"
	if inUse.PID != 0 {
		holder = fmt.Sprintf("process %d (%s)", inUse.PID, inUse.Process)
	}
	return fmt.Errorf("%s already listens on %s: stop it, or choose another --socket", holder, inUse.Socket)
}
