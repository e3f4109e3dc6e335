package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/subjects"
)

// topicsCommand is the command line of topics.
type topicsCommand struct {
	Patterns  []string      `arg:"" optional:"" name:"pattern" help:"Only these topics: + is one segment, # any number at the end. Default: all."`
	For       time.Duration `default:"2s" placeholder:"DURATION" help:"How long to listen (${default}); 0 attaches to nothing and prints the hierarchy alone."`
	Published bool          `help:"Do not listen, but ask the programs on the bus how much each has published since it was started."`
	Wait      time.Duration `default:"500ms" placeholder:"DURATION" help:"With --published, how long answers may take (${default})."`
	Output    show.Format   `short:"o" enum:"text,json" default:"text" help:"text is a table for a person, json one object a line."`
	Quiet     bool          `short:"q" help:"No opening line on standard error."`
	attachFlags
}

// Help is shown below the flags of topics.
func (*topicsCommand) Help() string {
	return `Each topic of the hierarchy has a line: who may read it (access), who publishes it, and what came while this listened. + stands for a
segment that says whom the topic is about; topics of that kind that were seen have lines of their own. Topics that are no part of the
hierarchy are shown if something came on them: their access is "unknown".

    public      every client may read it
    restricted  it is for the agent and the collectors among themselves
    privileged  it carries orders: only the agent publishes it

What this role may not read has a ? where others have numbers. With --published, EVENTS is what the programs that answer have published
since they were started, and FROM is who they are; what comes from plain NATS clients is not in it.

Examples:

    eventbus topics
    eventbus topics --for 30s 'events.process.#'
    eventbus topics --for 0
    eventbus topics --published
    eventbus topics -o json | jq -r 'select(.events > 0) | .topic'

Exit codes: 0 done, 1 error, 2 usage, 3 nothing to attach to, 130 interrupted, 143 terminated.`
}

// Validate checks what can be checked before there is a connection.
func (c *topicsCommand) Validate() error {
	for _, pattern := range c.Patterns {
		if _, err := subjects.ParsePattern(pattern); err != nil {
			return err
		}
	}
	if c.For < 0 {
		return fmt.Errorf("--for: %v is negative", c.For)
	}
	if err := checkWait(c.Wait); err != nil {
		return err
	}
	return c.attachFlags.Validate()
}

const (
	topicsID = "topics"
	// maxTopics bounds the topics that are told apart; a bus may have any number of them.
	maxTopics = 10_000
	// maxSources bounds the sources that are named for a topic.
	maxSources = 4
)

// Run prints the topics.
func (c *topicsCommand) Run(ctx context.Context, s *streams) error {
	seen := &traffic{topics: make(map[string]*flow)}
	if c.Published || c.For > 0 {
		if err := c.look(ctx, s, seen); err != nil {
			return err
		}
	}
	form := printTopicTable
	if c.Output == show.JSON {
		form = printTopicObjects
	}
	rows := c.rows(seen)
	if len(rows) == 0 {
		fmt.Fprintf(s.stderr, "eventbus: no topic of the hierarchy matches %s, and nothing came on another one\n", strings.Join(c.Patterns, " "))
	}
	if err := form(s.stdout, rows); err != nil && !daemon.IsClosedPipe(err) {
		return err
	}
	return nil
}

// traffic is what came while this listened, or what programs say that they have published.
type traffic struct {
	known    bool               // somebody has looked
	over     time.Duration      // how long; 0 is since ever
	readable []subjects.Pattern // what this role may read
	topics   map[string]*flow
	others   uint64 // events on topics beyond the first maxTopics
}

// flow is what came on a topic.
type flow struct {
	events, bytes uint64
	sources       []string // the first maxSources
	moreSources   bool
}

// look attaches, and finds out what flows.
func (c *topicsCommand) look(ctx context.Context, s *streams, seen *traffic) error {
	// A role that may not read everything gets the rest, and sees what it does not.
	logger := errorLogger(s.stderr)
	c.client = "eventbus topics"
	b, peer, err := c.attach(ctx, s, logger)
	if err != nil {
		return ended(ctx, err, "while attaching")
	}
	defer release(ctx, b, logger)
	if c.Published {
		return c.ask(ctx, s, b, show.Escape(peer), seen)
	}
	return c.listen(ctx, s, b, show.Escape(peer), seen)
}

// listen counts what comes.
func (c *topicsCommand) listen(ctx context.Context, s *streams, b bus.Bus, peer string, seen *traffic) error {
	receiver, err := c.subscribe(ctx, b, seen)
	if err != nil {
		return ended(ctx, err, "while subscribing")
	}
	if !c.Quiet {
		fmt.Fprintf(s.stderr, "eventbus: attached to %s, listening for %v\n", peer, c.For)
	}
	start := time.Now()
	limited, cancel := context.WithTimeout(ctx, c.For)
	defer cancel()
	for {
		event, err := receiver.Next(limited)
		if err != nil {
			if limited.Err() == nil || ctx.Err() != nil {
				return ended(ctx, err, "while listening")
			}
			break
		}
		seen.count(event.Topic, event.Source, 1, uint64(event.Msgsize()))
	}
	seen.known, seen.over = true, time.Since(start)
	if missed := receiver.Statistics(); missed.Dropped+missed.Lost > 0 {
		fmt.Fprintf(s.stderr, "eventbus: not counted: dropped=%d lost=%d\n", missed.Dropped, missed.Lost)
	}
	if now := b.Statistics(); !now.Connected || now.Reconnects > 0 {
		fmt.Fprintf(s.stderr, "eventbus: not counted: what came while the connection to %s was lost\n", peer)
	}
	if seen.others > 0 {
		fmt.Fprintf(s.stderr, "eventbus: not shown: %s on topics beyond the first %d\n", counted(seen.others, "event"), maxTopics)
	}
	return nil
}

// ask asks the programs what they have published.
func (c *topicsCommand) ask(ctx context.Context, s *streams, b bus.Bus, peer string, seen *traffic) error {
	programs, err := newGatherer(b, c.Wait, control.MaxRows).next(ctx)
	if err != nil {
		return ended(ctx, explain(err, peer), "while asking")
	}
	seen.known = true
	all, err := subjects.ParsePattern("#")
	if err != nil {
		return err
	}
	seen.readable = []subjects.Pattern{all}
	for _, p := range programs {
		for _, one := range p.After.Topics {
			if c.wantsTopic(one.Topic) {
				seen.count(one.Topic, p.After.ID, one.Published, 0)
			}
		}
		if rest := p.After.TopicsOmitted; rest != nil {
			fmt.Fprintf(s.stderr, "eventbus: not shown: %s of %s on %d more topics\n", counted(rest.Published, "event"), show.Quote(p.After.ID), rest.Count)
		}
	}
	return nil
}

// subscribe subscribes to as much as this role may read.
func (c *topicsCommand) subscribe(ctx context.Context, b bus.Bus, seen *traffic) (bus.Receiver, error) {
	wanted := [][]string{c.Patterns}
	if len(c.Patterns) == 0 {
		wanted = [][]string{{"events.#", "control.#"}, {"events.#", "control.health.#"}, {"events.#"}}
	}
	var err error
	for _, patterns := range wanted {
		var receiver bus.Receiver
		receiver, err = b.Subscribe(ctx, bus.Subscription{ID: topicsID, Patterns: patterns, QueueCapacity: watchQueue, Overflow: bus.DropNewest})
		if err == nil {
			for _, pattern := range patterns {
				parsed, err := subjects.ParsePattern(pattern)
				if err != nil {
					return nil, err
				}
				seen.readable = append(seen.readable, parsed)
			}
			return receiver, nil
		}
		if !errors.Is(err, bus.ErrForbidden) {
			break
		}
	}
	return nil, err
}

// count counts events of a source.
func (t *traffic) count(topic, source string, events, bytes uint64) {
	one := t.topics[topic]
	if one == nil {
		if len(t.topics) == maxTopics {
			t.others += events
			return
		}
		one = new(flow)
		t.topics[topic] = one
	}
	one.events += events
	one.bytes += bytes
	switch {
	case source == "" || slices.Contains(one.sources, source):
	case len(one.sources) == maxSources:
		one.moreSources = true
	default:
		one.sources = append(one.sources, source)
	}
}
