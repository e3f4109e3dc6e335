package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// maxPatterns bounds each list of patterns in a subscription.
const maxPatterns = 1024

// filter is a compiled subscription without its patterns: the fields that look at more than the topic's route. A nil filter
// passes everything.
type filter struct {
	include, exclude []subjects.Pattern
	events           bus.EventFilter
	correlations     bus.CorrelationFilter
	hasEvents        bool
	hasCorrelations  bool
}

// compile validates a subscription and makes it.
func (e *Engine) compile(in bus.Subscription) (*Subscription, error) {
	if in.ID == "" || len(in.ID) > bus.MaxSubscriberID {
		return nil, invalid("id", in.ID, "a subscriber ID has 1 to %d bytes", bus.MaxSubscriberID)
	}
	if in.QueueCapacity < 0 || in.QueueCapacity > bus.MaxQueueCapacity {
		return nil, invalid("queue_capacity", fmt.Sprint(in.QueueCapacity), "must be 1 to %d, or 0 for the default", bus.MaxQueueCapacity)
	}
	if err := in.Overflow.Validate(); err != nil {
		return nil, err
	}
	if err := in.CircuitBreak.Validate(); err != nil {
		return nil, err
	}
	texts, err := effectivePatterns(in)
	if err != nil {
		return nil, err
	}
	s := &Subscription{id: in.ID, now: e.clock.now}
	if s.patterns, err = parsePatterns("patterns", texts); err != nil {
		return nil, err
	}
	if in.NoWildcards {
		for i, p := range s.patterns {
			if !p.IsLiteral() {
				return nil, invalid("patterns", texts[i], "a wildcard in a subscription without wildcards")
			}
		}
	}
	if s.filter, err = compileFilter(in); err != nil {
		return nil, err
	}
	byDefault := e.tuning.Load()
	s.queue = newQueue(cmp.Or(in.QueueCapacity, byDefault.QueueCapacity), cmp.Or(in.Overflow, byDefault.Overflow),
		in.CircuitBreak.Or(byDefault.CircuitBreak))
	if in.Notify != nil {
		s.notifier = newNotifier(s, in.Notify, &e.runners)
		s.queue.changed = s.notifier.raise
	}
	return s, nil
}

// effectivePatterns returns the patterns of a subscription, or those that follow from its capabilities.
func effectivePatterns(in bus.Subscription) ([]string, error) {
	var implied []string
	for _, c := range in.Capabilities {
		patterns, ok := c.Patterns()
		if !ok {
			return nil, invalid("capabilities", string(c), "unknown capability")
		}
		implied = append(implied, patterns...)
	}
	switch {
	case len(in.Patterns) > 0:
		return in.Patterns, nil
	case len(implied) > 0:
		return implied, nil
	}
	return []string{"events.#"}, nil
}

func parsePatterns(field string, texts []string) ([]subjects.Pattern, error) {
	if len(texts) > maxPatterns {
		return nil, invalid(field, fmt.Sprint(len(texts), " patterns"), "at most %d allowed", maxPatterns)
	}
	patterns := make([]subjects.Pattern, 0, len(texts))
	for _, text := range texts {
		p, err := subjects.ParsePattern(text)
		if err != nil {
			return nil, &bus.InvalidError{Field: field, Value: text, Reason: err.Error(), Err: err}
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

func compileFilter(in bus.Subscription) (*filter, error) {
	ev, co := in.Events, in.Correlations
	f := &filter{
		// Copies: the caller may go on using its slices.
		events: bus.EventFilter{
			Types: slices.Clone(ev.Types), PIDs: slices.Clone(ev.PIDs), MinPriority: ev.MinPriority,
			Metadata: maps.Clone(ev.Metadata), Sources: slices.Clone(ev.Sources), Since: ev.Since, Until: ev.Until,
		},
		correlations: bus.CorrelationFilter{
			IDs: slices.Clone(co.IDs), ParentIDs: slices.Clone(co.ParentIDs), RootIDs: slices.Clone(co.RootIDs),
			Stages: slices.Clone(co.Stages), RequiredTags: maps.Clone(co.RequiredTags), AnyTags: maps.Clone(co.AnyTags),
			MinSequence: co.MinSequence, MaxSequence: co.MaxSequence,
		},
		hasEvents: len(ev.Types)+len(ev.PIDs)+len(ev.Metadata)+len(ev.Sources) > 0 || ev.MinPriority != "" ||
			!ev.Since.IsZero() || !ev.Until.IsZero(),
		hasCorrelations: len(co.IDs)+len(co.ParentIDs)+len(co.RootIDs)+len(co.Stages)+len(co.RequiredTags)+len(co.AnyTags) > 0 ||
			co.MinSequence > 0 || co.MaxSequence > 0,
	}
	var err error
	if f.include, err = parsePatterns("topics.include", in.Topics.Include); err != nil {
		return nil, err
	}
	if f.exclude, err = parsePatterns("topics.exclude", in.Topics.Exclude); err != nil {
		return nil, err
	}
	switch {
	case !ev.MinPriority.Valid():
		return nil, invalid("events.min_priority", string(ev.MinPriority), "must be low, normal, high or critical")
	case !ev.Since.IsZero() && !ev.Until.IsZero() && ev.Until.Before(ev.Since):
		return nil, invalid("events.until", ev.Until.String(), "is before events.since, %s", ev.Since)
	case co.MaxSequence > 0 && co.MaxSequence < co.MinSequence:
		return nil, invalid("correlations.max_sequence", fmt.Sprint(co.MaxSequence), "is below min_sequence, %d", co.MinSequence)
	}
	if !f.hasEvents && !f.hasCorrelations && len(f.include)+len(f.exclude) == 0 {
		return nil, nil
	}
	return f, nil
}

// passes reports whether every field lets the event through.
func (f *filter) passes(event *bus.Event) bool {
	return f == nil || f.passesTopic(event.Topic) &&
		(!f.hasEvents || passesEvents(&f.events, event)) &&
		(!f.hasCorrelations || passesCorrelations(&f.correlations, &event.Correlation))
}

// passesTopic reports whether the topic filter lets the topic through.
func (f *filter) passesTopic(topic string) bool {
	if f == nil {
		return true
	}
	matches := func(p subjects.Pattern) bool { return p.Match(topic) }
	return !slices.ContainsFunc(f.exclude, matches) && (len(f.include) == 0 || slices.ContainsFunc(f.include, matches))
}

func passesEvents(f *bus.EventFilter, event *bus.Event) bool {
	if !anyOf(f.Types, event.Type()) || !anyOf(f.Sources, event.Source) {
		return false
	}
	if len(f.PIDs) > 0 {
		if pid, ok := event.PID(); !ok || !slices.Contains(f.PIDs, pid) {
			return false
		}
	}
	if f.MinPriority != "" && !event.Priority().AtLeast(f.MinPriority) {
		return false
	}
	if (!f.Since.IsZero() && event.Time.Before(f.Since)) || (!f.Until.IsZero() && event.Time.After(f.Until)) {
		return false
	}
	for key, want := range f.Metadata {
		if !has(event.Metadata, key, want) && !has(event.PayloadMetadata(), key, want) {
			return false
		}
	}
	return true
}

func passesCorrelations(f *bus.CorrelationFilter, c *bus.Correlation) bool {
	if !anyGlob(f.IDs, c.ID) || !anyGlob(f.ParentIDs, c.ParentID) || !anyGlob(f.RootIDs, c.RootID) || !anyOf(f.Stages, c.Stage) {
		return false
	}
	if c.Sequence < f.MinSequence || (f.MaxSequence > 0 && c.Sequence > f.MaxSequence) {
		return false
	}
	for key, want := range f.RequiredTags {
		if !has(c.Tags, key, want) {
			return false
		}
	}
	if len(f.AnyTags) == 0 {
		return true
	}
	for key, want := range f.AnyTags {
		if has(c.Tags, key, want) {
			return true
		}
	}
	return false
}

// anyOf reports whether the list is empty or has the value.
func anyOf[T comparable](list []T, value T) bool {
	return len(list) == 0 || slices.Contains(list, value)
}

// anyGlob reports whether the list is empty or a glob in it matches the value.
func anyGlob(globs []string, value string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(g string) bool { return glob(g, value) })
}

func has(m bus.Metadata, key, want string) bool {
	got, ok := m[key]
	return ok && got == want
}

// glob reports whether the value matches the pattern, in which '*' stands for any text. It takes the earliest match of
// each part between stars, which is enough, and so needs no backtracking.
func glob(pattern, value string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	value, ok := strings.CutPrefix(value, first)
	if !ok || !wild {
		return ok && value == ""
	}
	for {
		part, next, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(value, part)
		}
		at := strings.Index(value, part)
		if at < 0 {
			return false
		}
		value, rest = value[at+len(part):], next
	}
}

func invalid(field, value, reason string, args ...any) error {
	return &bus.InvalidError{Field: field, Value: value, Reason: fmt.Sprintf(reason, args...)}
}
