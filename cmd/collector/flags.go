package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/daemon"
)

// minInterval bounds --interval: more often, a report would cost more than what it reports on.
const minInterval = 100 * time.Millisecond

// flags are the arguments. A missing one leaves the configuration as it is.
type flags struct {
	daemon.Flags
	BusType *eventbus.BusType `enum:"nats,local" placeholder:"nats|local" help:"nats: other processes can attach. local: no server."`

	Duration        time.Duration `placeholder:"TIME" help:"End after that time, such as 30s; without it, run until SIGINT or SIGTERM."`
	Interval        time.Duration `default:"10s" help:"Time over which rates are taken, and between their log lines (${default})."`
	ShutdownTimeout time.Duration `default:"10s" help:"Bound on the end in order (${default})."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

const description = `Publishes what happens on this host on an event bus: processes, network connections, files, performance.

Examples:
  collector
      Embedded server on a unix socket; 'eventbus watch' attaches to it.
  collector --bus-type local --print 'events.#' --duration 5s
      No server; five seconds of everything, printed.
  collector --config collector.toml --listen 127.0.0.1:4222
      Also for NATS clients that cannot dial a unix socket.
  collector --http 127.0.0.1:9464
      Also with a page for the browser, and metrics for Prometheus.

The configuration file is overridden by environment variables (EVENTBUS_BUS_TYPE=local), and these by flags.`

// parseFlags parses and checks the arguments. If the program has nothing more to do, be it that the arguments are wrong or that
// they ask for help, ok is false and code is the exit code.
func parseFlags(args []string, stdout, stderr io.Writer) (f flags, code int, ok bool) {
	exited := false
	parser, err := kong.New(&f,
		kong.Name("collector"), kong.Description(description), kong.Vars{"version": version()}, kong.Writers(stdout, stderr),
		kong.Exit(func(c int) { exited, code = true, c }), // --help and --version; parsing goes on after it
	)
	if err == nil {
		var parsed *kong.Context
		if parsed, err = parser.Parse(args); err == nil {
			err = daemon.CheckGiven(parsed)
		}
	}
	if exited {
		return f, code, false
	}
	if err == nil {
		err = f.check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "collector: %v (see collector --help)\n", err)
		return f, exitUsage, false
	}
	return f, exitDone, true
}

func (f *flags) check() error {
	if err := f.Check(); err != nil {
		return err
	}
	switch {
	case f.Duration < 0:
		return fmt.Errorf("--duration: %v: must not be negative", f.Duration)
	case f.Interval < minInterval:
		return fmt.Errorf("--interval: %v: must be at least %v", f.Interval, minInterval)
	case f.ShutdownTimeout <= 0:
		return fmt.Errorf("--shutdown-timeout: %v: must be positive", f.ShutdownTimeout)
	}
	return nil
}

// version returns the version that the go command has put into the program.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "collector (unknown version)"
	}
	return fmt.Sprintf("collector %s (%s)", info.Main.Version, info.GoVersion)
}
