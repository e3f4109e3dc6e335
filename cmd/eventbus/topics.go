package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/report"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/subjects"
)

// topicsCommand is the command line of topics.
type topicsCommand struct {
	Patterns  []string      `arg:"" optional:"" name:"pattern" help:"Only these topics: + is one segment, # any number at the end. Default: all."`
	For       time.Duration `default:"2s" placeholder:"DURATION" help:"How long to listen (${default}); 0 attaches to nothing and prints the hierarchy alone."`
	Published bool          `help:"Do not listen, but ask the programs on the bus how much each has published since it was started."`
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
	return c.attachFlags.Validate()
}

const (
	topicsID = "topics"
	// maxTopics bounds the topics that are told apart; a bus may have any number of them.
	maxTopics = 10_000
	// maxSources bounds the sources that are named for a topic.
	maxSources = 4
	// answerWait is how long programs have to answer.
	answerWait = 500 * time.Millisecond
)

// Run prints the topics.
func (c *topicsCommand) Run(ctx context.Context, s *streams) error {
	seen := &traffic{topics: make(map[string]*flow)}
	look := c.listen
	switch {
	case c.Published:
		look = c.ask
	case c.For == 0:
		look = func(context.Context, *streams, *traffic) error { return nil }
	}
	if err := look(ctx, s, seen); err != nil {
		return err
	}
	form := printTopicTable
	if c.Output == show.JSON {
		form = printTopicObjects
	}
	if err := form(s.stdout, c.rows(seen)); err != nil && !daemon.IsClosedPipe(err) {
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

// listen counts what comes.
func (c *topicsCommand) listen(ctx context.Context, s *streams, seen *traffic) error {
	// A role that may not read everything gets the rest, and sees what it does not.
	logger := errorLogger(s.stderr)
	c.client = "eventbus topics"
	b, peer, err := c.attach(ctx, s, logger)
	if err != nil {
		return ended(ctx, err, "while attaching")
	}
	defer release(ctx, b, logger)
	receiver, err := c.subscribe(ctx, b, seen)
	if err != nil {
		return ended(ctx, err, "while subscribing")
	}
	if !c.Quiet {
		fmt.Fprintf(s.stderr, "eventbus: attached to %s, listening for %v\n", show.Escape(peer), c.For)
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
	if seen.others > 0 {
		fmt.Fprintf(s.stderr, "eventbus: not shown: %s on topics beyond the first %d\n", counted(seen.others, "event"), maxTopics)
	}
	return nil
}

// ask asks the programs what they have published.
func (c *topicsCommand) ask(ctx context.Context, s *streams, seen *traffic) error {
	logger := errorLogger(s.stderr)
	c.client = "eventbus topics"
	b, peer, err := c.attach(ctx, s, logger)
	if err != nil {
		return ended(ctx, err, "while attaching")
	}
	defer release(ctx, b, logger)
	programs, err := newGatherer(b, answerWait, control.MaxRows).next(ctx)
	if err != nil {
		return ended(ctx, explain(err, show.Escape(peer)), "while asking")
	}
	seen.known = true
	all, err := subjects.ParsePattern("#")
	if err != nil {
		return err
	}
	seen.readable = []subjects.Pattern{all}
	for _, p := range programs {
		for _, one := range p.After.Topics {
			if c.wants(one.Topic) {
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

// topicRow is what is said of a topic, or of a family of them.
type topicRow struct {
	Topic string `json:"topic"`
	// Access and Publisher are those of the hierarchy.
	Access    string `json:"access"`
	Publisher string `json:"publisher,omitempty"`
	// Family is the entry of the hierarchy that the topic belongs to, if it is not one itself.
	Family string `json:"family,omitempty"`
	// What came, absent if nobody looked.
	Events         *uint64  `json:"events,omitempty"`
	PerSecond      *float64 `json:"per_second,omitempty"`
	BytesPerSecond *float64 `json:"bytes_per_second,omitempty"`
	Sources        []string `json:"sources,omitempty"`

	forbidden, moreSources bool
}

// rows returns the hierarchy, with what came on each topic, and behind it what is no part of it.
func (c *topicsCommand) rows(seen *traffic) []topicRow {
	var rows []topicRow
	placed := make(map[string]bool)
	for _, entry := range subjects.Hierarchy() {
		text := entry.Pattern.String()
		known := topicRow{Topic: text, Access: entry.Access.String(), Publisher: publisherOf(entry)}
		switch {
		case !c.wants(strings.ReplaceAll(text, "+", "x")): // whatever the segment may be
		case entry.Pattern.IsLiteral():
			rows = append(rows, seen.fill(known))
		default:
			rows = append(rows, known)
		}
		placed[text] = true
		if entry.Pattern.IsLiteral() {
			continue
		}
		for _, topic := range seen.sorted() {
			if entry.Pattern.Match(topic) && !placed[topic] {
				placed[topic] = true
				known.Topic, known.Family = topic, text
				rows = append(rows, seen.fill(known))
			}
		}
	}
	for _, topic := range seen.sorted() {
		if !placed[topic] {
			rows = append(rows, seen.fill(topicRow{Topic: topic, Access: "unknown"}))
		}
	}
	return rows
}

// wants reports whether a topic was asked for.
func (c *topicsCommand) wants(topic string) bool {
	return len(c.Patterns) == 0 || slices.ContainsFunc(c.Patterns, func(text string) bool {
		pattern, err := subjects.ParsePattern(text)
		return err == nil && pattern.Match(topic)
	})
}

func publisherOf(entry subjects.Entry) string {
	return cmp.Or(entry.Collector, entry.Publisher.String())
}

func (t *traffic) sorted() []string {
	var topics []string
	for topic := range t.topics {
		topics = append(topics, topic)
	}
	slices.Sort(topics)
	return topics
}

// fill adds what came on the topic of a row.
func (t *traffic) fill(row topicRow) topicRow {
	if !t.known {
		return row
	}
	if !slices.ContainsFunc(t.readable, func(p subjects.Pattern) bool { return p.Match(row.Topic) }) {
		row.forbidden = true
		return row
	}
	one := cmp.Or(t.topics[row.Topic], new(flow))
	row.Events = new(one.events)
	if t.over > 0 {
		row.PerSecond = new(float64(one.events) / t.over.Seconds())
		row.BytesPerSecond = new(float64(one.bytes) / t.over.Seconds())
	}
	row.Sources, row.moreSources = one.sources, one.moreSources
	return row
}

func printTopicTable(out io.Writer, rows []topicRow) error {
	table := report.Table{Columns: []report.Column{
		{Title: "TOPIC"}, {Title: "ACCESS"}, {Title: "PUBLISHER"}, {Title: "EVENTS", Right: true}, {Title: "PER SECOND", Right: true},
		{Title: "BYTES/S", Right: true}, {Title: "FROM"},
	}}
	for _, row := range rows {
		events, rate, bytes := "", "", ""
		switch {
		case row.forbidden:
			events, rate, bytes = "?", "?", "?"
		case row.Events != nil:
			events = fmt.Sprint(*row.Events)
			if row.PerSecond != nil {
				rate, bytes = fmt.Sprintf("%.1f", *row.PerSecond), fmt.Sprintf("%.0f", *row.BytesPerSecond)
			}
		}
		topic := row.Topic
		if row.Family != "" {
			topic = "  " + topic
		}
		var from []string
		for _, source := range row.Sources {
			from = append(from, show.Quote(source))
		}
		if row.moreSources {
			from = append(from, "…")
		}
		var cells report.Line
		for _, text := range []string{topic, row.Access, row.Publisher, events, rate, bytes, strings.Join(from, " ")} {
			cells = append(cells, report.Span{Text: text})
		}
		table.Rows = append(table.Rows, cells)
	}
	_, err := io.WriteString(out, report.Render(table.Lines(), false))
	return err
}

func printTopicObjects(out io.Writer, rows []topicRow) error {
	for _, row := range rows {
		if err := show.WriteJSON(out, row); err != nil {
			return err
		}
	}
	return nil
}
