package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/subjects"
)

// valuesOf returns what the value of a flag or an argument could be, as far as its enum or its placeholder says.
func valuesOf(v *kong.Value) []candidate {
	if v.Enum != "" {
		var all []candidate
		for _, word := range v.EnumSlice() {
			all = append(all, candidate{text: word})
		}
		return all
	}
	kind := strings.ToUpper(v.Name)
	if v.Tag.PlaceHolder != "" {
		kind = v.Tag.PlaceHolder
	}
	switch kind {
	case "FILE", "PATH":
		return []candidate{{text: anyFile}}
	case "DIR":
		return []candidate{{text: anyDir}}
	case "PATTERN", "WHAT":
		return patternValues()
	case "TOPIC":
		return topicValues()
	case "TYPE":
		return typeValues()
	case "ROLE":
		return roleValues()
	case "FIELD":
		return fieldValues()
	}
	return nil
}

// topicValues returns the topics of the hierarchy that have no part to be filled in.
func topicValues() (all []candidate) {
	for _, entry := range subjects.Hierarchy() {
		if entry.Pattern.IsLiteral() {
			all = append(all, candidate{entry.Pattern.String(), entry.Access.String()})
		}
	}
	return all
}

// patternValues returns the topics, and patterns for all below each of their beginnings.
func patternValues() []candidate {
	all := topicValues()
	for _, topic := range all {
		for i, char := range topic.text {
			if char == '.' {
				all = append(all, candidate{topic.text[:i] + ".#", "everything below " + topic.text[:i]})
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
	return slices.Compact(all)
}

func typeValues() (all []candidate) {
	for _, t := range bus.EventTypes() {
		all = append(all, candidate{string(t), t.DefaultTopic()})
	}
	return all
}

func roleValues() (all []candidate) {
	for _, role := range embed.Roles() {
		publishes := "nothing"
		if len(role.Publish) > 0 {
			publishes = strings.Join(role.Publish, " ")
		}
		all = append(all, candidate{role.Name, "publishes " + publishes})
	}
	return all
}

// fieldValues returns the fields of an event: of the envelope, and of the payload of each type.
func fieldValues() (all []candidate) {
	for _, name := range []string{"id", "time", "topic", "source", "type", "publisher", "sequence", "metadata", "correlation", "correlation.correlation_id", "correlation.root_id"} {
		all = append(all, candidate{text: name})
	}
	for _, t := range typeValues() {
		for name := range payloadKinds(bus.EventType(t.text)) {
			all = append(all, candidate{text: "payload." + name})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
	return slices.Compact(all)
}
