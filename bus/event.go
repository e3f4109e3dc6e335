package bus

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/subjects"
)

// Limits of the envelope, in bytes.
const (
	MaxSourceLength  = 256
	MaxMetadataKey   = 128
	MaxMetadataValue = 64 << 10
)

// Event is the envelope in which a payload travels. Publish fills ID, Time, Topic, Correlation, Publisher and Sequence;
// of these a caller may set the first four.
type Event struct {
	// ID names the event: a UUIDv7 (RFC 9562) unless the caller chose another.
	ID uuid.UUID
	// Time is when the event was published, in UTC.
	Time time.Time
	// Topic is where the event is published; the zero value is the payload type's default topic.
	Topic string
	// Source is the collector's name, at most MaxSourceLength bytes.
	Source string
	// Payload is the event itself.
	Payload Payload
	// Correlation ties the event to the ones that it follows from.
	Correlation Correlation
	// Publisher names the bus value that published the event; it changes at each start.
	Publisher uuid.UUID
	// Sequence counts the publisher's events on this topic from 1; 0 is an event that was not counted, because
	// its publisher does not count or has used too many topics.
	Sequence uint64
	// Metadata is for routing: short texts that filters look at.
	Metadata Metadata
}

// Type returns the type of the payload, "" if there is none.
func (e *Event) Type() EventType {
	if e.Payload == nil {
		return ""
	}
	return e.Payload.Type()
}

// PID returns the process that the event is about, if it is about one.
func (e *Event) PID() (pid uint32, ok bool) {
	if e.Payload == nil {
		return 0, false
	}
	if p := e.Payload.pid(); p != nil {
		return *p, true
	}
	return 0, false
}

// Priority returns the priority of a trigger request; every other event has [PriorityNormal].
func (e *Event) Priority() Priority {
	if t, ok := e.Payload.(*TriggerRequest); ok && t.Priority != "" {
		return t.Priority
	}
	return PriorityNormal
}

// PayloadMetadata returns the payload's own metadata, nil if it has none.
func (e *Event) PayloadMetadata() Metadata {
	if e.Payload == nil {
		return nil
	}
	return e.Payload.meta()
}

// Validate checks everything but the topic's presence: an empty topic is valid here, since Publish fills it. It returns an
// [*InvalidError].
func (e *Event) Validate() error {
	if e.Topic != "" {
		if err := subjects.ValidateTopic(e.Topic); err != nil {
			return &InvalidError{Field: "topic", Value: e.Topic, Reason: err.Error(), Err: err}
		}
	}
	if err := validTime("time", e.Time); err != nil {
		return err
	}
	if len(e.Source) > MaxSourceLength {
		return tooLong("source", e.Source, MaxSourceLength)
	}
	if e.Payload == nil {
		return &InvalidError{Field: "payload", Value: "nil", Reason: "an event needs a payload"}
	}
	if err := e.Payload.Validate(); err != nil {
		return err
	}
	if err := e.Metadata.validate("metadata", MaxMetadataKey, MaxMetadataValue); err != nil {
		return err
	}
	return e.Correlation.Validate()
}

// The range of times that RFC 3339, and so JSON, can write: the years 0 to 9999.
const (
	minUnixTime = -62167219200
	maxUnixTime = 253402300799
)

func validTime(field string, t time.Time) error {
	if s := t.Unix(); s < minUnixTime || s > maxUnixTime {
		return &InvalidError{Field: field, Value: fmt.Sprint(s, " s"), Reason: "outside of the years 0 to 9999"}
	}
	return nil
}

// String returns a short form for logs and test failures.
func (e *Event) String() string {
	return fmt.Sprintf("%s %s #%d %s", e.ID, e.Topic, e.Sequence, e.Type())
}
