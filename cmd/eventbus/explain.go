package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/subjects"
)

// explanation is what --explain says.
type explanation struct {
	Patterns []string `json:"patterns"`
	// Subjects are what is subscribed at a server that is not embedded, also by any other NATS client. At an embedded one the same events
	// come in batches, on BatchSubjects.
	Subjects      []string `json:"subjects"`
	BatchSubjects []string `json:"batch_subjects"`
	// Filter has the fields of the subscription that are set, and leftOutHere.
	Filter map[string][]string `json:"filter,omitempty"`
}

// explain says what a subscription with the filters comes to.
func (f *filterFlags) explain(patterns []string) (explanation, error) {
	e := explanation{Patterns: f.effectivePatterns(patterns), Filter: make(map[string][]string)}
	for _, text := range e.Patterns {
		pattern, err := subjects.ParsePattern(text)
		if err != nil {
			return e, err
		}
		for _, subject := range pattern.Subjects() {
			if !slices.Contains(e.Subjects, subject) {
				e.Subjects = append(e.Subjects, subject)
				e.BatchSubjects = append(e.BatchSubjects, link.BatchPrefix+subject)
			}
		}
	}
	for _, c := range f.conditions() {
		e.Filter[c.field] = append(e.Filter[c.field], c.value)
	}
	return e, nil
}

// write prints the explanation as lines for a person, or as one of JSON.
func (e explanation) write(out io.Writer, format show.Format) error {
	if format == show.JSON {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(e)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	lines := func(name string, values []string) {
		for _, value := range values {
			fmt.Fprintf(table, "%s\t%s\n", name, show.Escape(value))
			name = ""
		}
	}
	lines("patterns", e.Patterns)
	lines("subjects", e.Subjects)
	lines("in batches", e.BatchSubjects)
	for _, field := range slices.Sorted(maps.Keys(e.Filter)) {
		lines(strings.ReplaceAll(field, "_", " "), e.Filter[field])
	}
	return table.Flush()
}
