package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/daemoneye/eventbus/bus"
)

// Field is a key of an event's JSON form, with dots between levels, such as topic or payload.pid.
type Field string

// envelope are the first levels of a Field.
var envelope = []string{"id", "time", "topic", "source", "type", "payload", "correlation", "publisher", "sequence", "metadata"}

// UnmarshalText implements [encoding.TextUnmarshaler]. What is below the payload is not checked: there are types that this version does
// not know.
func (f *Field) UnmarshalText(text []byte) error {
	first, _, _ := strings.Cut(string(text), ".")
	if !slices.Contains(envelope, first) {
		return fmt.Errorf("%q: a field begins with one of %s", text, strings.Join(envelope, ", "))
	}
	if slices.Contains(strings.Split(string(text), "."), "") {
		return fmt.Errorf("%q: a level of the field is empty", text)
	}
	*f = Field(text)
	return nil
}

// fieldTree has the fields by their levels. A field without levels below it is there as a whole.
type fieldTree map[string]fieldTree

func newFieldTree(fields []Field) fieldTree {
	tree := make(fieldTree)
	for _, field := range fields {
		at, whole := tree, false
		levels := strings.Split(string(field), ".")
		for n, level := range levels {
			below, known := at[level]
			if whole = known && len(below) == 0; whole {
				break // it is part of a field that is there as a whole
			}
			if below == nil {
				below = make(fieldTree)
			}
			if n == len(levels)-1 {
				below = fieldTree{} // takes the place of what was asked for below it
			}
			at[level] = below
			at = below
		}
	}
	return tree
}

// appendOf appends the object less what is not in the tree. The keys keep their order.
func (t fieldTree) appendOf(dst, object []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return append(dst, "{}"...), err // another value has no fields
	}
	dst = append(dst, '{')
	first := true
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return dst, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return dst, err
		}
		name, _ := key.(string)
		below, wanted := t[name]
		if !wanted || len(below) > 0 && value[0] != '{' {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if dst, err = appendPlainJSON(dst, name); err != nil {
			return dst, err
		}
		dst = append(dst, ':')
		if len(below) == 0 {
			dst = append(dst, value...)
		} else if dst, err = below.appendOf(dst, value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// eventFields returns the JSON form of an event as Go values: nil, bool, string, [json.Number], []any and map[string]any.
func eventFields(event *bus.Event) (map[string]any, error) {
	encoded, err := event.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("show: event %s as JSON: %w", event.ID, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("show: event %s as JSON: %w", event.ID, err)
	}
	return fields, nil
}

// of returns the value of the field as text, "" if it is not there. Lists and objects are JSON.
func (f Field) of(fields map[string]any) string {
	var value any = fields
	for rest := string(f); ; {
		object, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		// A key may have dots itself, such as one of metadata.
		if v, ok := object[rest]; ok {
			value = v
			break
		}
		level, below, more := strings.Cut(rest, ".")
		if !more {
			return ""
		}
		value, rest = object[level], below
	}
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	encoded, err := appendPlainJSON(nil, value)
	if err != nil {
		return "" // it came from JSON
	}
	return string(encoded)
}
