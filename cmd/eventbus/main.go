// Command eventbus is the operator's tool for a running event bus.
//
// # Use
//
//	eventbus watch                                        # everything that the running collector publishes
//	eventbus watch 'events.process.#' --count 5 -o json   # five process events, as JSON lines
//	eventbus publish events.jsonl                         # events from lines of JSON, or from flags
//	eventbus serve                                        # a bus without collectors
//	eventbus proxy                                        # a loopback port for tools that cannot dial its socket
//	eventbus bench --quick                                # how fast the buses are on this machine
//	eventbus creds make observer --name laptop            # an nkey for a NATS client, with what it may do
//	eventbus config show eventbus.toml                    # each value, with where it comes from
//	eventbus top                                          # rates, queues, drops and losses, on a screen; stats prints them
//	eventbus topics                                       # every topic, and what is flowing on it
//	eventbus doctor                                       # what is wrong here, and what to do about it
//	eventbus context                                      # and the nats CLI knows the running collector
//	nats --context eventbus sub 'events.>' --translate 'eventbus decode'
//
// What was asked for goes to standard output, and everything else to standard error. A seed is printed only by --out -. Run eventbus
// watch --help, and so on, for the rest.
//
// # Exit codes
//
//	0    done: the wanted number of events, the end of --timeout without --count, or a reader that closed the pipe
//	1    an error, or doctor has found something
//	2    wrong usage: a flag, pattern or type that cannot be
//	3    nothing to attach to: no collector runs at the socket, or none with a loopback listener, or no server at the URL,
//	     or no program that answers stats or top
//	4    events were lost or dropped, and watch --fail-on-loss was given
//	124  --timeout passed before --count was reached
//	130  interrupted
//	143  terminated
//
// The last two are also the codes of serve and proxy, which nothing else ends, when they have ended in order, and those of a second
// signal, which ends the program at once.
//
// # Concurrency
//
// In watch, one goroutine reads and prints. If the output is slower than the events, up to 65536 of them wait; what comes then is dropped.
// That, and what was lost on its way here, is told on standard error by another goroutine, at most once a second, and
// counted in the closing summary, which comes after all of it.
//
// In top, one goroutine draws, one reads keys and one asks; whatever ends it, the terminal is given back as it was.
package main

import (
	"context"
	"os"

	"github.com/daemoneye/eventbus/internal/bench"
	"github.com/daemoneye/eventbus/internal/daemon"
)

func main() { os.Exit(program()) }

// program is main without its end.
func program() int {
	// bench starts this program for each of its measurements.
	if code, asked := bench.Worker(bench.Peers{}); asked {
		return code
	}
	return daemon.UntilSignal(context.Background(), func(ctx context.Context) int {
		return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	})
}
