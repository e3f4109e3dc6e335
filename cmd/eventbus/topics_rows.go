package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/daemoneye/eventbus/internal/report"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/subjects"
)

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
		case !c.wants(entry.Pattern):
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

// wants reports whether some topic of an entry of the hierarchy was asked for.
func (c *topicsCommand) wants(entry subjects.Pattern) bool {
	return len(c.Patterns) == 0 || slices.ContainsFunc(c.Patterns, func(text string) bool {
		pattern, err := subjects.ParsePattern(text)
		return err == nil && pattern.Overlaps(entry)
	})
}

// wantsTopic reports whether a topic was asked for.
func (c *topicsCommand) wantsTopic(topic string) bool {
	return len(c.Patterns) == 0 || slices.ContainsFunc(c.Patterns, func(text string) bool {
		pattern, err := subjects.ParsePattern(text)
		return err == nil && pattern.Match(topic)
	})
}

// isKnown reports whether a pattern matches any topic of the hierarchy. One that does not may be a slip.
func isKnown(text string) bool {
	pattern, err := subjects.ParsePattern(text)
	return err == nil && slices.ContainsFunc(subjects.Hierarchy(), func(e subjects.Entry) bool { return pattern.Overlaps(e.Pattern) })
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
