package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/subjects"
)

// filterFlags are the filters of a [bus.Subscription].
type filterFlags struct {
	Type        []bus.EventType `placeholder:"TYPE" help:"Only events of that type, such as process; may be repeated, or a list with commas."`
	PID         []uint32        `placeholder:"PID" help:"Only events about that process; may be repeated."`
	Source      []string        `placeholder:"NAME" sep:"none" help:"Only events of that collector; may be repeated."`
	MinPriority *bus.Priority   `placeholder:"PRIORITY" enum:"low,normal,high,critical" help:"Only events of that priority or a higher one: low, normal, high or critical. What has none is normal."`
	Metadata    bus.Metadata    `placeholder:"KEY=VALUE" mapsep:"none" help:"Only events with that entry, in the envelope or the payload; may be repeated."`
	Since       moment          `placeholder:"TIME" help:"Only events of that time or later."`
	Until       moment          `placeholder:"TIME" help:"Only events of that time or earlier."`

	Include []string    `placeholder:"PATTERN" sep:"none" help:"Of these topics, only those that this pattern matches, too; may be repeated."`
	Exclude []string    `placeholder:"PATTERN" sep:"none" help:"No events of topics that this pattern matches; may be repeated."`
	Not     []exclusion `placeholder:"WHAT" sep:"none" help:"No events like that: a pattern, type=TYPE, source=NAME, pid=PID or stage=STAGE; may be repeated."`

	Correlation []string     `placeholder:"ID" sep:"none" help:"Only events of that correlation, * stands for any text; may be repeated."`
	Parent      []string     `placeholder:"ID" sep:"none" help:"Only what followed from that correlation, * stands for any text; may be repeated."`
	Root        []string     `placeholder:"ID" sep:"none" help:"Only what began with that correlation, * stands for any text; may be repeated."`
	Stage       []string     `placeholder:"STAGE" sep:"none" help:"Only events of that stage of a workflow; may be repeated."`
	Tag         bus.Metadata `placeholder:"KEY=VALUE" mapsep:"none" help:"Only events with that tag; may be repeated."`
	AnyTag      bus.Metadata `placeholder:"KEY=VALUE" mapsep:"none" help:"Only events with one of these tags; may be repeated."`
	MinSequence uint64       `placeholder:"N" help:"Only events at least N steps from the root of their workflow."`
	MaxSequence uint64       `placeholder:"N" help:"Only events at most N steps from the root; 0 is any number."`

	Capability  []bus.Capability `placeholder:"NAME" enum:"process,network,filesystem,performance,realtime,kernel_level,system_wide" help:"Without a pattern, what a subscriber with that capability gets; may be repeated."`
	NoWildcards bool             `help:"Refuse patterns with wildcards."`
}

// check checks what can be checked without a bus.
func (f *filterFlags) check(patterns []string) error {
	for _, text := range f.effectivePatterns(patterns) {
		pattern, err := subjects.ParsePattern(text)
		if err != nil {
			return err
		}
		if f.NoWildcards && !pattern.IsLiteral() {
			return fmt.Errorf("--no-wildcards: %q has one", text)
		}
	}
	for _, t := range f.Type {
		if err := checkType(t); err != nil {
			return fmt.Errorf("--type: %w", err)
		}
	}
	for _, list := range []struct {
		flag     string
		patterns []string
	}{{"--include", f.Include}, {"--exclude", f.Exclude}} {
		for _, pattern := range list.patterns {
			if _, err := subjects.ParsePattern(pattern); err != nil {
				return fmt.Errorf("%s: %w", list.flag, err)
			}
		}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && f.Until.Before(f.Since.Time) {
		return fmt.Errorf("--until: %s is before --since, %s", f.Until, f.Since)
	}
	if f.MaxSequence > 0 && f.MaxSequence < f.MinSequence {
		return fmt.Errorf("--max-sequence: %d is below --min-sequence, %d", f.MaxSequence, f.MinSequence)
	}
	return nil
}

// checkType refuses what cannot be the name of a type. One that this version does not know can be published all the same.
func checkType(t bus.EventType) error {
	if t.DefaultTopic() != "" {
		return nil
	}
	return (&bus.Raw{Name: t, Data: []byte{0xc0}}).Validate()
}

// subscription returns one with the patterns and the filters.
func (f *filterFlags) subscription(patterns []string) bus.Subscription {
	exclude := slices.Clone(f.Exclude)
	for _, not := range f.Not {
		if not.pattern != "" {
			exclude = append(exclude, not.pattern)
		}
	}
	var leastPriority bus.Priority
	if f.MinPriority != nil {
		leastPriority = *f.MinPriority
	}
	return bus.Subscription{
		Patterns: patterns, Capabilities: f.Capability, NoWildcards: f.NoWildcards,
		Topics: bus.TopicFilter{Include: f.Include, Exclude: exclude},
		Events: bus.EventFilter{
			Types: f.Type, PIDs: f.PID, MinPriority: leastPriority, Metadata: f.Metadata, Sources: f.Source,
			Since: f.Since.Time, Until: f.Until.Time,
		},
		Correlations: bus.CorrelationFilter{
			IDs: f.Correlation, ParentIDs: f.Parent, RootIDs: f.Root, Stages: f.Stage, RequiredTags: f.Tag, AnyTags: f.AnyTag,
			MinSequence: f.MinSequence, MaxSequence: f.MaxSequence,
		},
	}
}

// effectivePatterns returns the patterns, or those that follow from the capabilities.
func (f *filterFlags) effectivePatterns(patterns []string) []string {
	if len(patterns) > 0 {
		return patterns
	}
	for _, capability := range f.Capability {
		implied, _ := capability.Patterns()
		patterns = append(patterns, implied...)
	}
	if len(patterns) == 0 {
		return []string{"events.#"}
	}
	return patterns
}

// leavesOut reports whether an event is one that a --not of this program's own leaves out.
func (f *filterFlags) leavesOut(event *bus.Event) bool {
	return slices.ContainsFunc(f.Not, func(not exclusion) bool { return not.matches != nil && not.matches(event) })
}

// condition is what one flag asks of events: its name without dashes, the field of the subscription that it became, which is
// leftOutHere if it became none, and what the user said.
type condition struct{ name, field, value string }

// leftOutHere is the field of what is not left to the bus.
const leftOutHere = "left_out_here"

// conditions returns all of them.
func (f *filterFlags) conditions() (all []condition) {
	add := func(name, field string, values ...string) {
		for _, value := range values {
			all = append(all, condition{name, field, value})
		}
	}
	for _, t := range f.Type {
		add("type", "events.types", string(t))
	}
	for _, pid := range f.PID {
		add("pid", "events.pids", strconv.FormatUint(uint64(pid), 10))
	}
	add("source", "events.sources", f.Source...)
	if f.MinPriority != nil {
		add("min-priority", "events.min_priority", string(*f.MinPriority))
	}
	add("metadata", "events.metadata", entries(f.Metadata)...)
	if !f.Since.IsZero() {
		add("since", "events.since", f.Since.String())
	}
	if !f.Until.IsZero() {
		add("until", "events.until", f.Until.String())
	}
	add("include", "topics.include", f.Include...)
	add("exclude", "topics.exclude", f.Exclude...)
	for _, not := range f.Not {
		field := leftOutHere
		if not.pattern != "" {
			field = "topics.exclude"
		}
		add("not", field, not.text)
	}
	add("correlation", "correlations.ids", f.Correlation...)
	add("parent", "correlations.parent_ids", f.Parent...)
	add("root", "correlations.root_ids", f.Root...)
	add("stage", "correlations.stages", f.Stage...)
	add("tag", "correlations.required_tags", entries(f.Tag)...)
	add("any-tag", "correlations.any_tags", entries(f.AnyTag)...)
	if f.MinSequence > 0 {
		add("min-sequence", "correlations.min_sequence", strconv.FormatUint(f.MinSequence, 10))
	}
	if f.MaxSequence > 0 {
		add("max-sequence", "correlations.max_sequence", strconv.FormatUint(f.MaxSequence, 10))
	}
	return all
}

// entries returns the entries as KEY=VALUE, in the order of the keys.
func entries(m bus.Metadata) []string {
	all := make([]string, 0, len(m))
	for key, value := range m {
		all = append(all, key+"="+value)
	}
	slices.Sort(all)
	return all
}

// describe says what is watched, in one line. A topic or a type that this version does not know may be a slip.
func (f *filterFlags) describe(patterns []string) string {
	var text strings.Builder
	for i, pattern := range f.effectivePatterns(patterns) {
		if i > 0 {
			text.WriteString(" ")
		}
		text.WriteString(pattern)
		if !isKnown(pattern) {
			text.WriteString(" (no topic of the hierarchy)")
		}
	}
	for _, c := range f.conditions() {
		text.WriteString(" " + c.name + "=" + show.Quote(c.value))
		if c.name == "type" && bus.EventType(c.value).DefaultTopic() == "" {
			text.WriteString(" (unknown to this version)")
		}
	}
	return text.String()
}

// moment is a time on the command line. The zero value is none.
type moment struct{ time.Time }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *moment) UnmarshalText(text []byte) error {
	word := string(text)
	if t, err := time.Parse(time.RFC3339Nano, word); err == nil {
		m.Time = t.UTC()
		return nil
	}
	ahead, isAhead := strings.CutPrefix(word, "+")
	d, err := time.ParseDuration(strings.TrimPrefix(ahead, "-"))
	if err != nil || d < 0 {
		return fmt.Errorf("%q: must be a time such as 2026-01-02T15:04:05Z, 10m (ago) or +10m (from now)", word)
	}
	if !isAhead {
		d = -d
	}
	m.Time = time.Now().Add(d).UTC()
	return nil
}

func (m moment) String() string { return m.Format(time.RFC3339Nano) }
