package main

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/daemoneye/eventbus/internal/show"
)

// watchCommand is the command line of watch.
type watchCommand struct {
	Patterns []string `arg:"" optional:"" name:"pattern" help:"Topic patterns: + is one segment, # any number at the end. Default: events.#"`

	Output     show.Format    `short:"o" enum:"text,compact,json,table,template" default:"text" help:"text is lines for a person, compact short ones, table columns; json is one object a line; template is what --template makes of it."`
	Fields     []show.Field   `placeholder:"FIELD" help:"Show these fields, such as topic,payload.pid, named as in json."`
	Template   string         `placeholder:"TEMPLATE" help:"Print that of each event, such as '{{.topic}} {{.payload.pid}}': Go's text/template, fields named as in json."`
	Count      uint64         `placeholder:"N" help:"End after N events; 0 goes on for ever."`
	Timeout    time.Duration  `placeholder:"DURATION" help:"End after that time, such as 30s; 0 is never."`
	FailOnLoss bool           `help:"End with exit code 4 if events were lost or dropped."`
	Explain    bool           `help:"Say which NATS subjects would be subscribed and what is filtered, and end. Nothing is attached to."`
	Color      show.ColorMode `enum:"auto,always,never" default:"auto" help:"Color text: auto, always or never. auto is on a terminal, unless NO_COLOR is set."`
	Quiet      bool           `short:"q" help:"No opening line, no word of missed events and no summary on standard error."`

	filterFlags `group:"Filters"`
	attachFlags `group:"Where"`

	template *template.Template
}

// Help is shown below the flags of watch.
func (*watchCommand) Help() string {
	return `Events are printed on standard output. Standard error has one opening line, losses of the connection, which comes back by
itself, a line when events were missed, at most one a second, and a closing summary:

    eventbus: lost 17 events: events.process.lifecycle #5 to #21 (17 events) of publisher 018f0000-0000-7000-8000-000000000001
    eventbus: dropped 300 events: this output is too slow
    eventbus: received=120 dropped=300 lost=17

received is what was printed, dropped what came while this output was too slow, and lost what was lost on its way here, also of events
that a filter would have left out. If there were any, overruns counts messages that came faster than they could be decoded, and
malformed those that are no events.

An event is shown if a pattern matches its topic and every filter lets it pass. Of a filter that is given several times one value is
enough, but for --metadata and --tag, of which an event needs all. --not leaves events out, whatever else lets them pass: it takes a
topic or pattern, as --exclude does, or type=TYPE, source=NAME, pid=PID or stage=STAGE. These four are looked at here, so they do not
keep events from coming. Times are as 2026-01-02T15:04:05Z, 10m (ago) or +10m (from now).

A template sees an event as json prints it: {{.topic}}, {{.payload.pid}}. What is not there is <no value>; {{or .payload.pid "-"}} says
something else. Texts are escaped already. There are also the functions json, quote and join.

Examples:

    eventbus watch
    eventbus watch 'events.process.#' 'events.+.anomaly' -o table
    eventbus watch --type process,network --pid 4242
    eventbus watch --not 'events.performance.#' --not source=filesystem --explain
    eventbus watch 'events.process.#' --count 5 --timeout 30s --fail-on-loss -o json
    eventbus watch process -q --fields time,payload.pid,payload.name -o compact
    eventbus watch network --template '{{.payload.local_addr}} {{or .payload.pid "-"}}'
    eventbus watch 'control.#' --min-priority high --tag case=17 --correlation 'scan-*'
    eventbus watch -q -o json | jq .payload.name
    eventbus watch --url tls://host:4222 --ca ca.pem --creds phone.nk

Exit codes: 0 done, 1 error, 2 usage, 3 nothing to attach to, 4 events were lost or dropped and --fail-on-loss was given (which goes
before the following), 124 --timeout passed before --count was reached, 130 interrupted, 143 terminated. Without --count, the end of
--timeout is what was asked for, and so is a closed pipe: 0.`
}

// Validate checks what can be checked before there is a connection. Kong calls it while parsing, so an error is wrong usage.
func (w *watchCommand) Validate() error {
	if w.Timeout < 0 {
		return fmt.Errorf("--timeout: %v is negative", w.Timeout)
	}
	if err := w.check(w.Patterns); err != nil {
		return err
	}
	if err := w.checkForm(); err != nil {
		return err
	}
	return w.attachFlags.Validate()
}

// checkForm checks what the output is to look like.
func (w *watchCommand) checkForm() error {
	if w.Template == "" {
		if w.Output == show.Template {
			return errors.New("-o template: needs --template")
		}
		return nil
	}
	if w.Output == show.Text {
		w.Output = show.Template // the default, which nobody means beside a template
	}
	if w.Output != show.Template {
		return fmt.Errorf("--template: is for -o template, not for -o %s", w.Output)
	}
	if len(w.Fields) > 0 {
		return errors.New("--fields: a template says itself what it shows")
	}
	var err error
	if w.template, err = show.ParseTemplate(w.Template); err != nil {
		return fmt.Errorf("--template: line %s", strings.TrimPrefix(err.Error(), "template: template:"))
	}
	return nil
}
