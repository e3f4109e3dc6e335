package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// eventFlags make an event, or change one.
type eventFlags struct {
	Type    bus.EventType `placeholder:"TYPE" help:"Publish one event of that type, such as process."`
	Field   []string      `placeholder:"KEY=VALUE" sep:"none" xor:"payload" help:"A field of its payload, such as pid=4242; may be repeated."`
	Payload string        `placeholder:"JSON" xor:"payload" help:"Its whole payload."`

	Topic       string       `placeholder:"TOPIC" help:"The topic. Default: that of the type."`
	Source      string       `placeholder:"NAME" help:"The collector that it is of."`
	Metadata    bus.Metadata `placeholder:"KEY=VALUE" mapsep:"none" help:"An entry of the envelope, for routing; may be repeated."`
	Correlation string       `placeholder:"ID" help:"The step of a workflow that it is. Default: the event's own ID."`
	Parent      string       `placeholder:"ID" help:"The step that caused it."`
	Root        string       `placeholder:"ID" help:"The first step of the workflow. Default: its own."`
	Step        uint64       `placeholder:"N" help:"The number of steps from the root."`
	Stage       string       `placeholder:"STAGE" help:"The part of the workflow."`
	Tag         bus.Metadata `placeholder:"KEY=VALUE" mapsep:"none" help:"A tag of the workflow; may be repeated."`
	Trace       string       `placeholder:"ID" help:"The distributed trace that it belongs to."`
	Span        string       `placeholder:"ID" help:"The span of that trace."`
}

// isOne reports whether the flags make an event.
func (f *eventFlags) isOne() bool { return f.Type != "" || len(f.Field) > 0 || f.Payload != "" }

func (f *eventFlags) check() error {
	switch {
	case !f.isOne():
	case f.Type == "":
		return errors.New("--field and --payload need --type")
	default:
		if err := checkType(f.Type); err != nil {
			return fmt.Errorf("--type: %w", err)
		}
		if f.Topic == "" && f.Type.DefaultTopic() == "" {
			return fmt.Errorf("--type: %q is unknown to this version and has no topic by default: say --topic, or one of %s", f.Type, knownTypes())
		}
	}
	for _, field := range f.Field {
		if key, _, ok := strings.Cut(field, "="); !ok || key == "" {
			return fmt.Errorf("--field: expected \"<key>=<value>\" but got %q", field)
		}
	}
	if f.Topic != "" {
		if err := subjects.ValidateTopic(f.Topic); err != nil {
			return fmt.Errorf("--topic: %w", err)
		}
	}
	return nil
}

// knownTypes lists the types that have a topic of their own.
func knownTypes() string {
	var names []string
	for _, t := range bus.EventTypes() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// event returns the event that the flags make.
func (f *eventFlags) event() (*bus.Event, error) {
	payload := json.RawMessage(f.Payload)
	if f.Payload == "" {
		object, err := f.payload()
		if err != nil {
			return nil, err
		}
		if payload, err = json.Marshal(object); err != nil {
			return nil, err
		}
	} else if !json.Valid(payload) {
		return nil, fmt.Errorf("--payload: %q is not JSON", f.Payload)
	}
	text, err := json.Marshal(map[string]any{"type": f.Type, "payload": payload})
	if err != nil {
		return nil, err
	}
	event := new(bus.Event)
	if err := event.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	f.apply(event)
	return event, event.Validate()
}

// payload returns the object that --field makes.
func (f *eventFlags) payload() (map[string]any, error) {
	kinds := payloadKinds(f.Type)
	object := make(map[string]any)
	if _, ok := kinds["timestamp"]; ok {
		object["timestamp"] = time.Now().UTC()
	}
	given := make(map[string]bool)
	for _, field := range f.Field {
		key, value, _ := strings.Cut(field, "=")
		at, levels := object, strings.Split(key, ".")
		for _, level := range levels[:len(levels)-1] {
			below, ok := at[level].(map[string]any)
			if _, taken := at[level]; taken && !ok {
				return nil, fmt.Errorf("--field: %q: %s is a value already", field, level)
			}
			if !ok {
				below = make(map[string]any)
				at[level] = below
			}
			at = below
		}
		last := levels[len(levels)-1]
		kind := kinds[levels[0]]
		if list, ok := at[last].([]string); ok && len(levels) == 1 && kind == reflect.Slice {
			at[last] = append(list, value)
			continue
		}
		if given[key] {
			return nil, fmt.Errorf("--field: %s is given twice", key)
		}
		given[key] = true
		at[last] = fieldValue(value, kind)
	}
	return object, nil
}

// payloadKinds returns what the fields of a known type are in JSON: texts, objects of texts, lists of texts, or something else. It is nil for
// another type.
func payloadKinds(t bus.EventType) map[string]reflect.Kind {
	payload := bus.NewPayload(t)
	if payload == nil {
		return nil
	}
	kinds := make(map[string]reflect.Kind)
	for field := range reflect.TypeOf(payload).Elem().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		kinds[name] = field.Type.Kind()
		if field.Type == reflect.TypeFor[time.Time]() {
			kinds[name] = reflect.String
		}
	}
	return kinds
}

// fieldValue returns the value of a field of that kind, 0 for one that is not known.
func fieldValue(value string, kind reflect.Kind) any {
	isJSON := json.Valid([]byte(value))
	switch kind {
	case reflect.String, reflect.Map: // in a map, the values are texts
		return value
	case reflect.Slice:
		if isJSON && strings.HasPrefix(value, "[") {
			return json.RawMessage(value)
		}
		return []string{value}
	}
	if isJSON {
		return json.RawMessage(value)
	}
	return value // which is an error that names the field, if it is not a text
}

// apply changes an event to what the flags say.
func (f *eventFlags) apply(event *bus.Event) {
	c := &event.Correlation
	for _, text := range []struct {
		value string
		into  *string
	}{
		{f.Topic, &event.Topic}, {f.Source, &event.Source}, {f.Correlation, &c.ID}, {f.Parent, &c.ParentID}, {f.Root, &c.RootID},
		{f.Stage, &c.Stage}, {f.Trace, &c.TraceID}, {f.Span, &c.SpanID},
	} {
		if text.value != "" {
			*text.into = text.value
		}
	}
	if f.Step > 0 {
		c.Sequence = f.Step
	}
	event.Metadata, c.Tags = added(event.Metadata, f.Metadata), added(c.Tags, f.Tag)
}

// added returns the entries of both, of which the second win. Neither is changed.
func added(to, more bus.Metadata) bus.Metadata {
	if len(more) == 0 {
		return to
	}
	all := make(bus.Metadata, len(to)+len(more))
	maps.Copy(all, to)
	maps.Copy(all, more)
	return all
}
