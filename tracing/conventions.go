package tracing

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// What is used of the semantic conventions. They are written down here, because OpenTelemetry's package of them makes all of theirs in each
// program that imports it; a test compares.
const (
	schemaURL = "https://opentelemetry.io/schemas/1.43.0"

	systemKey        = attribute.Key("messaging.system")
	operationNameKey = attribute.Key("messaging.operation.name")
	operationTypeKey = attribute.Key("messaging.operation.type")
	destinationKey   = attribute.Key("messaging.destination.name")
	templateKey      = attribute.Key("messaging.destination.template")
	messageIDKey     = attribute.Key("messaging.message.id")
	conversationKey  = attribute.Key("messaging.message.conversation_id")
	errorTypeKey     = attribute.Key("error.type")

	system     = "eventbus"
	otherError = "_OTHER"
)

// operation is what a span is about: the name is ours, the type one of the conventions'.
type operation struct{ name, kind string }

var (
	publishing = operation{"publish", "send"}
	processing = operation{"process", "process"}
)

// destination is a topic for people and statistics.
type destination struct {
	topic    string // empty if it is no valid one
	template string // the topic with + for the parts that name a single one of many
}

func destinationOf(event *bus.Event) destination {
	topic := event.Topic
	if topic == "" {
		topic = event.Type().DefaultTopic()
	}
	if subjects.ValidateTopic(topic) != nil {
		return destination{}
	}
	return destination{topic: topic, template: template(topic)}
}

// kindDepth is how many segments of a topic say what kind of event it is, as in events.process.lifecycle.
const kindDepth = 3

// template keeps the number of names small: the hierarchy of topics knows where names of collectors and tasks stand in its own, and in others
// what is behind the kind of event is taken to be such a name.
func template(topic string) string {
	for _, entry := range families {
		if entry.Match(topic) {
			return entry.String()
		}
	}
	if strings.Count(topic, ".") < kindDepth {
		return topic
	}
	segments := strings.Split(topic, ".")
	for i := kindDepth; i < len(segments); i++ {
		segments[i] = "+"
	}
	return strings.Join(segments, ".")
}

// families are the patterns of the hierarchy that have more than one topic. It is never written.
var families = func() (patterns []subjects.Pattern) {
	for _, entry := range subjects.Hierarchy() {
		if !entry.Pattern.IsLiteral() {
			patterns = append(patterns, entry.Pattern)
		}
	}
	return patterns
}()

func (d destination) spanName(o operation) string {
	if d.topic == "" {
		return o.name
	}
	return o.name + " " + d.template
}

func (d destination) attributes(o operation, event *bus.Event) []attribute.KeyValue {
	list := append(make([]attribute.KeyValue, 0, 8),
		systemKey.String(system), operationNameKey.String(o.name), operationTypeKey.String(o.kind))
	if d.topic != "" {
		list = append(list, destinationKey.String(d.topic))
		if d.template != d.topic {
			list = append(list, templateKey.String(d.template))
		}
	}
	if event.ID != uuid.Nil {
		list = append(list, messageIDKey.String(event.ID.String()))
	}
	if event.Correlation.ID != "" {
		list = append(list, conversationKey.String(event.Correlation.ID))
	}
	return list
}

// errorType names an error of Publish; the more special kinds come first.
func errorType(err error) attribute.KeyValue {
	for _, kind := range []struct {
		err  error
		name string
	}{
		{bus.ErrTooLarge, "too_large"}, {bus.ErrInvalid, "invalid"}, {bus.ErrOverflow, "overflow"}, {bus.ErrClosed, "closed"},
		{bus.ErrUndelivered, "undelivered"}, {context.Canceled, "canceled"}, {context.DeadlineExceeded, "deadline_exceeded"},
	} {
		if errors.Is(err, kind.err) {
			return errorTypeKey.String(kind.name)
		}
	}
	return errorTypeKey.String(otherError)
}
