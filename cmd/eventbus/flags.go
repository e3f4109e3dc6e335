package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/natsurl"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/subjects"
)

// watchCommand is the command line of watch.
type watchCommand struct {
	Patterns []string `arg:"" optional:"" name:"pattern" help:"Topic patterns: + is one segment, # any number at the end. Default: events.#"`

	Output  show.Format     `short:"o" enum:"text,json" default:"text" help:"text is lines for a person, json one object a line."`
	Count   uint64          `placeholder:"N" help:"End after N events; 0 goes on for ever."`
	Timeout time.Duration   `placeholder:"DURATION" help:"End after that time, such as 30s; 0 is never."`
	Type    []bus.EventType `placeholder:"TYPE" help:"Only events of that type, such as process; may be repeated, or a list with commas."`
	PID     []uint32        `placeholder:"PID" help:"Only events about that process; may be repeated."`
	Source  []string        `placeholder:"NAME" sep:"none" help:"Only events of that collector; may be repeated."`

	Color show.ColorMode `enum:"auto,always,never" default:"auto" help:"Color text: auto, always or never. auto is on a terminal, unless NO_COLOR is set."`
	Quiet bool           `short:"q" help:"No opening line, no word of missed events and no summary on standard error."`

	Socket string `placeholder:"PATH" xor:"server" help:"The unix socket of the collector, if it is not at the usual place."`
	URL    string `name:"url" placeholder:"URL" xor:"server" help:"Use this NATS server instead, such as nats://host:4222."`
	Creds  string `placeholder:"FILE" help:"Be who the nkey says whose seed is in that file, or the JWT and seed if it ends in .creds."`
	CA     string `name:"ca" placeholder:"FILE" help:"The authorities (PEM) that the certificate of --url may be of, if not the system's."`
}

// Help is shown below the flags of watch.
func (*watchCommand) Help() string {
	return `Events are printed on standard output. Standard error has one opening line, losses of the connection, which comes back by
itself, a line when events were missed, at most one a second, and a closing summary:

    eventbus: lost 17 events: events.process.lifecycle #5 to #21 (17 events) of publisher 018f0000-0000-7000-8000-000000000001
    eventbus: dropped 300 events: this output is too slow
    eventbus: received=120 dropped=300 lost=17

received is what was printed, dropped what came while this output was too slow, and lost what was lost on its way here, also of events
that --type, --pid or --source would have left out. If there were any, overruns counts messages that came faster than they could
be decoded, and malformed those that are no events.

Examples:

    eventbus watch
    eventbus watch 'events.process.#' 'events.+.anomaly'
    eventbus watch --type process,network --pid 4242
    eventbus watch 'events.process.#' --count 5 --timeout 30s -o json
    eventbus watch -q -o json | jq .payload.name
    eventbus watch --url tls://host:4222 --ca ca.pem --creds phone.nk

Exit codes: 0 done, 1 error, 2 usage, 3 nothing to attach to, 124 --timeout passed before --count was reached, 130 interrupted,
143 terminated. Without --count, the end of --timeout is what was asked for, and so is a closed pipe: 0.`
}

// errNoURL is returned for a flag that could have no effect.
var errNoURL = errors.New("--ca: is for --url")

// Validate checks what can be checked before there is a connection. Kong calls it while parsing, so an error is wrong usage.
func (w *watchCommand) Validate() error {
	for _, pattern := range w.Patterns {
		if _, err := subjects.ParsePattern(pattern); err != nil {
			return err
		}
	}
	for _, t := range w.Type {
		// A type that this version does not know can be published all the same; its name has rules.
		if t.DefaultTopic() == "" {
			if err := (&bus.Raw{Name: t, Data: []byte{0xc0}}).Validate(); err != nil {
				return fmt.Errorf("--type: %w", err)
			}
		}
	}
	if w.CA != "" && w.URL == "" {
		return errNoURL
	}
	if w.Timeout < 0 {
		return fmt.Errorf("--timeout: %v is negative", w.Timeout)
	}
	if w.URL != "" {
		if _, err := natsurl.Servers(w.URL); err != nil {
			return fmt.Errorf("--url: %w", err)
		}
	}
	return nil
}
