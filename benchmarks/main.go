// Command benchmarks measures the buses of this repository beside the ones of other projects, in one run: all rows of eventbus bench,
// and those about peers.
//
//	go run .                                        # everything
//	go run . -quick -rows 6                         # a first look at one row
//	go run . -o json -plot bench.svg >bench.json    # for other programs, and a picture
//
// It is a module of its own, so that nobody who uses the buses gets these dependencies.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/daemoneye/eventbus/internal/bench"
)

// peers are the other projects.
func peers() bench.Peers {
	return bench.Peers{
		Systems: []bench.System{watermillSystem{}, tailscaleSystem{}, cskrSystem{}, asaskevichSystem{}, libp2pSystem{}},
		Pairs:   []bench.Pair{watermillPair{}},
	}
}

func main() {
	// Each measurement is this program again.
	if code, asked := bench.Worker(peers()); asked {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	rounds := flags.Int("rounds", 0, "measure everything `N` times, in turn (default 7, or 3 with -quick)")
	rows := flags.String("rows", "", "only these `ROWS`, such as 1,1b,6")
	quick := flags.Bool("quick", false, "shorter measurements, for a first look")
	output := flags.String("o", "text", "text or json")
	plot := flags.String("plot", "", "also write a plot to `FILE`, as SVG")
	events := flags.Int("events", 0, "publish that many events in each measurement, however short it gets")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *output != "text" && *output != "json" {
		return fmt.Errorf("-o: %q is neither text nor json", *output)
	}
	config := bench.Config{
		Rounds: *rounds, Quick: *quick, Events: *events, Peers: peers(),
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
	}
	if *rows != "" {
		config.Rows = strings.Split(*rows, ",")
	}
	report, err := bench.Run(ctx, config)
	if err != nil {
		return err
	}
	write := report.WriteText
	if *output == "json" {
		write = report.WriteJSON
	}
	if err := write(os.Stdout); err != nil {
		return err
	}
	if *plot == "" {
		return nil
	}
	return report.WritePlotFile(*plot)
}
