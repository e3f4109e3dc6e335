package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// publishCommand is the command line of publish.
type publishCommand struct {
	Files []string `arg:"" optional:"" name:"file" help:"Files with an event a line, as watch -o json prints it; - is standard input. Default: -"`

	KeepGoing bool        `help:"Go on after a line that is no event, or an event that cannot be published."`
	Rate      rate        `placeholder:"N/s" help:"Publish at most that many events in a second (N/s), a minute (N/m) or an hour (N/h)."`
	Output    show.Format `short:"o" enum:"text,json" default:"text" help:"The summary: text is a line on standard error, json an object on standard output."`
	Quiet     bool        `short:"q" help:"No progress and no summary on standard error."`

	eventFlags  `group:"Event"`
	attachFlags `group:"Where"`
}

// Help is shown below the flags of publish.
func (*publishCommand) Help() string {
	return `With --type, one event is published, which the flags make. Without it, events are read, one a line, and the other flags of this
group take the place of what each of them says (--metadata and --tag are added to it). So what watch -o json prints can be published
again; publisher and sequence are always this program's own.

The value of --field is a text where the type wants one, and otherwise JSON; for a type that this version does not know it is JSON if it
can be. A list takes several, or JSON: --field command_line=sleep --field command_line=7. Levels are joined by dots:
--field metadata.action=start. Without a timestamp among the fields, it is the present time.

A line that is no event is an error with file, line and field. It ends the program, unless there is --keep-going, and so does an event
that cannot be published. What the server refuses afterwards, because you may not publish on that topic, is counted in messages, each
of one or several events. It also refuses, without a word, events whose source is none of your role.

Standard error has a progress bar on a terminal, if it takes long, and a summary:

    eventbus: published=120 malformed=1 failed=0 forbidden=0 in 1.2s

Examples:

    eventbus publish --type process --field pid=4242 --field name=sleep --field metadata.action=start
    eventbus publish --type trigger --payload '{"trigger_id":"t1","target_collector":"yara","analysis_type":"yara_scan","target_pid":4242,"correlation_id":"c1"}'
    eventbus publish --type usb --topic events.usb.plugged --field port=3 --source usb --tag case=17
    eventbus publish recorded.jsonl --rate 100/s
    eventbus watch -q -o json --count 100 | eventbus publish --socket /tmp/other.sock --keep-going

Exit codes: 0 everything was published, 1 something was not, or another error, 2 usage, 3 nothing to attach to, 130 interrupted,
143 terminated.`
}

// Validate checks what can be checked without reading anything.
func (p *publishCommand) Validate() error {
	if err := p.attachFlags.Validate(); err != nil {
		return err
	}
	if p.isOne() && len(p.Files) > 0 {
		return fmt.Errorf("%q: with --type, --field or --payload nothing is read", p.Files[0])
	}
	return p.check()
}

// publisher is a publish that runs.
type publisher struct {
	*publishCommand
	bus      bus.Bus
	refused  *refusals
	pace     pacer
	progress *progress
	counts   publishCounts
}

// publishCounts is the summary. Published are those that the bus took; Forbidden are messages, each of one or several of them.
type publishCounts struct {
	Published uint64  `json:"published"`
	Malformed uint64  `json:"malformed"`
	Failed    uint64  `json:"failed"`
	Forbidden uint64  `json:"forbidden_messages"`
	Seconds   float64 `json:"seconds"`
}

// Run publishes, and sums up.
func (p *publishCommand) Run(ctx context.Context, s *streams) error {
	var one *bus.Event
	if p.isOne() {
		event, err := p.event()
		if err != nil {
			return &codedError{exitUsage, err}
		}
		one = event
	}
	console := show.NewConsole(s.stderr, s.getenv)
	refused := &refusals{Handler: newLogger(console, true).Handler()}
	p.client = "eventbus publish"
	b, _, err := p.attach(ctx, s, slog.New(refused))
	if err != nil {
		return ended(ctx, err, "while attaching")
	}
	r := &publisher{publishCommand: p, bus: b, refused: refused, pace: pacer{rate: p.Rate}, progress: newProgress(console, !p.Quiet)}
	start := time.Now()
	if one != nil {
		err = r.publish(ctx, one)
	} else {
		err = r.publishLines(ctx, s, console)
	}
	switch endErr := r.end(ctx); {
	case err == nil:
		err = endErr
	case endErr != nil:
		err = fmt.Errorf("%w; %w", err, endErr)
	}
	r.counts.Seconds = time.Since(start).Seconds()
	if problem := r.report(s); err == nil {
		err = problem
	}
	return ended(ctx, err, "while publishing")
}

// publishLines publishes what is read.
func (r *publisher) publishLines(ctx context.Context, s *streams, console io.Writer) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	in := newLineReader(r.Files, s.stdin)
	if in.isTyped() && !r.Quiet {
		fmt.Fprintln(console, "eventbus: reading events from standard input, one JSON object a line")
	}
	r.progress.total = in.size()
	for line := range in.lines(reading) {
		err := line.err
		if err == nil {
			var event *bus.Event
			if event, err = r.read(line.text); err == nil {
				err = r.publish(ctx, event)
			}
		}
		r.progress.draw(in.consumed(), r.counts.Published)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return err
		case errors.Is(err, errMalformed), errors.Is(err, bus.ErrInvalid):
			r.counts.Malformed++
		default:
			r.counts.Failed++
		}
		err = fmt.Errorf("%s: %w", line.place, err)
		if !r.KeepGoing || errors.Is(err, bus.ErrClosed) {
			return err
		}
		fmt.Fprintf(console, "eventbus: %s\n", show.Escape(err.Error()))
	}
	return ctx.Err()
}

// read returns the event of a line, as the flags want it.
func (r *publisher) read(text []byte) (*bus.Event, error) {
	event := new(bus.Event)
	if err := event.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	r.apply(event)
	return event, nil
}

// publish publishes an event when it is due.
func (r *publisher) publish(ctx context.Context, event *bus.Event) error {
	if err := r.pace.wait(ctx); err != nil {
		return err
	}
	if err := r.bus.Publish(ctx, *event); err != nil {
		return err
	}
	r.counts.Published++
	return nil
}

// endTimeout bounds how long the server may take for the last events.
const endTimeout = 5 * time.Second

// end brings what was published to the server, and disconnects. Then all complaints of the server are in.
func (r *publisher) end(ctx context.Context) error {
	if ctx.Err() != nil {
		// Who wants it to end gets what is on its way sent all the same, if that is soon.
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	flushed := r.bus.Flush(ctx)
	ended := r.bus.Shutdown(ctx)
	r.progress.end()
	r.counts.Forbidden = r.bus.Statistics().Forbidden
	if flushed == nil {
		flushed = ended // otherwise that says the same
	}
	if flushed != nil {
		return fmt.Errorf("not everything has reached the server: %w", flushed)
	}
	return nil
}

// report prints the summary, and returns an error if something was not published that no other error has said.
func (r *publisher) report(s *streams) error {
	c := r.counts
	if r.Output == show.JSON {
		if err := json.NewEncoder(s.stdout).Encode(c); err != nil && !daemon.IsClosedPipe(err) {
			return err
		}
	} else if !r.Quiet {
		fmt.Fprintf(s.stderr, "eventbus: published=%d malformed=%d failed=%d forbidden=%d in %.1fs\n", c.Published, c.Malformed, c.Failed, c.Forbidden, c.Seconds)
	}
	switch {
	case c.Forbidden > 0:
		return fmt.Errorf("the server refused %s: %s", counted(c.Forbidden, "message"), r.refused.needed())
	case c.Malformed+c.Failed > 0:
		return fmt.Errorf("not published: %s", counted(c.Malformed+c.Failed, "line"))
	}
	return nil
}
