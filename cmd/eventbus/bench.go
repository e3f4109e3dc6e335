package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/daemoneye/eventbus/internal/bench"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// benchCommand is the command line of bench.
type benchCommand struct {
	Rounds int         `placeholder:"N" help:"Measure everything N times, in turn, and show medians. Default: 7, or 3 with --quick."`
	Rows   []string    `placeholder:"ROW" help:"Only these rows, such as 1,1b,5. Default: all."`
	Quick  bool        `help:"Shorter measurements, for a first look."`
	Output show.Format `short:"o" enum:"text,json" default:"text" help:"text is a table, json an array of objects."`
	Plot   string      `placeholder:"FILE" help:"Also write a plot of the throughput, as SVG."`
	Events int         `hidden:"" help:"Publish that many events in each measurement, however short it gets."`
}

// Help is shown below the flags of bench.
func (*benchCommand) Help() string {
	return `Measures the buses on this machine, each time in a process of its own: natsbus against localbus, localbus against bare Go
channels, and natsbus between two processes against plain nats.go. What is compared was measured in the same round; the ratio is the
median of the rounds. Nothing that runs on this machine already is touched, but whatever is busy disturbs the numbers.

    1   throughput of natsbus against localbus, nobody outside     1b  the same while a plain NATS client gets everything
    2   latency inside a process                                   3   processor time of an event
    4   memory                                                     5   localbus against bare channels
    7   throughput between two processes, against plain nats.go    8   latency between two processes
    10  publishing with 10 to 10,000 subscriptions                 11  allocations of an event
    12  memory with a subscriber that is stuck

Rows 6 and 9 are about other projects, so they are in a module of its own: cd benchmarks && go run . -rows 6,9 in the repository.

Each object of -o json has number, name, measured, goal (0 is none), unit and spread (between the quartiles).

Examples:

    eventbus bench --quick --rows 1,5
    eventbus bench -o json --plot bench.svg >bench.json

Exit codes: 0 done, 1 error, 2 usage, 130 interrupted, 143 terminated. A goal that is not reached is no error.`
}

// Validate checks what can be checked before anything is measured.
func (b *benchCommand) Validate() error {
	return b.config(nil).Validate()
}

func (b *benchCommand) config(progress func(string)) *bench.Config {
	return &bench.Config{Rounds: b.Rounds, Rows: b.Rows, Quick: b.Quick, Events: b.Events, Progress: progress}
}

// Run measures and prints.
func (b *benchCommand) Run(ctx context.Context, s *streams) (err error) {
	var plot *os.File
	if b.Plot != "" { // one that cannot be written is better known before minutes have passed
		if plot, err = os.OpenFile(b.Plot, os.O_WRONLY|os.O_CREATE, 0o644); err != nil { //nolint:gosec // a picture for everybody
			return err
		}
		defer func() { err = errors.Join(err, plot.Close()) }()
	}
	report, err := bench.Run(ctx, *b.config(func(line string) { fmt.Fprintf(s.stderr, "eventbus: %s\n", line) }))
	if err != nil {
		return ended(ctx, err, "while measuring")
	}
	write := report.WriteText
	if b.Output == show.JSON {
		write = report.WriteJSON
	}
	if err := write(s.stdout); err != nil && !daemon.IsClosedPipe(err) {
		return err
	}
	if plot == nil {
		return nil
	}
	return errors.Join(plot.Truncate(0), report.WritePlot(plot))
}
