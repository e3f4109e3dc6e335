package main

import (
	"context"
	"io"
	"os"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// serve loads the configuration, opens the bus and runs the daemon on it. It returns nil if the end was asked for.
func serve(ctx context.Context, f flags, getenv func(string) string, stdout, stderr io.Writer) error {
	hangups := daemon.CatchHangups() // from here to the end: none ends the program in the midst of something
	defer hangups.Release()
	s, warnings, err := loadSettings(f)
	if err != nil {
		return err
	}
	out := show.NewConsole(stdout, getenv)
	if len(f.Print) > 0 {
		out.Plain() // the events are what is to be seen
	}
	logger, level := s.Log.Logger(out.Beside(stderr), warnings)
	s.Bus.Logger = logger
	b, err := eventbus.Open(ctx, s.Bus)
	if err != nil {
		if stopRequested(ctx) != "" {
			return nil
		}
		return daemon.Explain(err)
	}
	d := &session{
		flags: f, settings: s, logger: logger, level: level, console: out, bus: b, counter: &counter{next: b},
		hangups: hangups, manager: daemon.NewSupervisor(getenv, os.Getpid(), logger),
		color: show.UseColor(f.Color, stdout, getenv),
	}
	return d.run(ctx)
}
