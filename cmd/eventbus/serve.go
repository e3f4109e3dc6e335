package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// serveCommand is the command line of serve.
type serveCommand struct {
	daemon.Flags
	ShutdownTimeout time.Duration `default:"10s" placeholder:"DURATION" help:"Bound on the end in order (${default})."`
}

// Help is shown below the flags of serve.
func (*serveCommand) Help() string {
	return `Other processes of this user attach to the unix socket as they would to a collector's: what one publishes, the others get. Who may do
what is said by roles, in the configuration: event_bus.nats.role is that of this user's processes, event_bus.nats.users are those of other
users, and with --listen NATS clients come in with a credential (eventbus creds). Collectors with event_bus.nats.shared use this bus if
event_bus.nats.shared is set here, too.

Standard output has where the bus listens, the command that watches it, and the events of --print; standard error has the log. The file is
overridden by environment variables (EVENTBUS_NATS__LISTEN=127.0.0.1:4222), and these by flags. Its tables are event_bus, log, http
and health. SIGHUP reads both again: what can be changed while it runs is, and the log says what needs a restart.

Examples:

    eventbus serve
    eventbus serve --listen 127.0.0.1:4222
    eventbus serve --http 127.0.0.1:9464 --http-events
    eventbus serve --config eventbus.toml --print 'events.process.#'

It runs until a signal, and then sends what is on its way, within --shutdown-timeout. A second signal ends it at once. systemd is told when
it serves, when it ends, and that it is alive (Type=notify, WatchdogSec).

Exit codes: 130 interrupted and 143 terminated, also after an end in order (systemd: SuccessExitStatus=130 143), 0 a reader that closed
the pipe of --print, 1 error, 2 usage.`
}

// Validate checks what can be checked without the configuration.
func (c *serveCommand) Validate() error {
	if c.ShutdownTimeout <= 0 {
		return fmt.Errorf("--shutdown-timeout: %v: must be positive", c.ShutdownTimeout)
	}
	return c.Check()
}

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, s *streams) error {
	hangups := daemon.CatchHangups() // from here to the end: none ends the program in the midst of something
	defer hangups.Release()
	settings, warnings, err := c.load()
	if err != nil {
		return err
	}
	logger, level := settings.Log.Logger(s.stderr, warnings)
	settings.Bus.Logger = logger
	b, err := eventbus.Open(ctx, settings.Bus)
	if err != nil {
		return ended(ctx, daemon.Explain(err), "while starting")
	}
	return c.serve(ctx, s, b, settings, level, hangups)
}

// configure puts the flags on top, and refuses what leaves nothing to serve.
func (c *serveCommand) configure(config *eventbus.Config) error {
	if err := c.Override(config); err != nil {
		return err
	}
	switch {
	case config.BusType == eventbus.Local:
		return &daemon.UsageError{Reason: `event_bus.bus_type = "local": nobody could attach to that bus`}
	case config.NATS.URL != "":
		return &daemon.UsageError{Reason: "event_bus.nats.url is set: that server serves already, so there is nothing to do"}
	}
	return nil
}

// errSeenEnough is the cause of a context that a reader has ended who closed the pipe.
var errSeenEnough = errors.New("nobody reads the output any more")

// serve runs on an open bus, which it shuts down.
func (c *serveCommand) serve(ctx context.Context, s *streams, b bus.Bus, settings serveSettings, level *slog.LevelVar, hangups *daemon.Hangups) error {
	config := settings.Bus
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	failed := func(err error) {
		if daemon.IsClosedPipe(err) {
			err = errSeenEnough
		}
		stop(err)
	}
	service, reload, err := c.serveControl(running, b, settings, level)
	if err != nil {
		failed(err)
	}
	http, err := daemon.StartHTTP(running, b, settings.HTTP, config.Logger)
	if err != nil {
		failed(err)
	}
	var printing *daemon.Printing
	if len(c.Print) > 0 && running.Err() == nil {
		if printing, err = daemon.Subscribe(running, b, c.Print, s.stdout, show.UseColor(c.Color, s.stdout, s.getenv), config.Logger); err != nil {
			failed(err)
		}
	}
	// Who reads where the bus listens may publish at once, so --print has subscribed by then.
	if _, err := io.WriteString(s.stdout, daemon.Describe(b, config)+http.Describe()); err != nil {
		failed(err)
	}
	if printing != nil {
		printing.Start(failed)
	}
	manager := daemon.NewSupervisor(s.getenv, os.Getpid(), config.Logger)
	defer manager.Watch(func() { b.Statistics() })()
	stopReloading := func() {}
	if running.Err() == nil {
		manager.Ready()
		stopReloading = hangups.Each(func() { manager.Reload(reload) })
	}
	<-running.Done()
	stopReloading() // a service that has said that it stops is not ready any more
	manager.Stopping()
	cause := context.Cause(running)
	config.Logger.Info("ending", "reason", cause)
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownTimeout)
	defer cancel()
	if service != nil {
		service.Stop() // the last heartbeat is flushed with the rest
	}
	err = errors.Join(b.Flush(shutdown), b.Shutdown(shutdown), http.Stop(shutdown))
	if printing != nil && !printing.Wait(shutdown) {
		err = errors.Join(err, errors.New("standard output takes nothing"))
	}
	if err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	if errors.Is(cause, errSeenEnough) {
		return nil
	}
	return ended(ctx, cause, "while serving")
}
