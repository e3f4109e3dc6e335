package natsbus

import (
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

//go:generate go tool msgp -io=false -tests=false -unexported -o announcement_gen.go

//msgp:limit maps:512

// The subjects on which buses tell each other how far they have come, beside those of events. docs/wire.md describes them.
const (
	controlPrefix   = "eventbus."
	announceSubject = "eventbus.sequences" // announcements for everybody
	askSubject      = "eventbus.ask"       // questions
	answerPrefix    = "eventbus.answer."   // and the ID of the bus that asked: announcements for it alone
)

// announcement says how far a publisher has come on its topics.
type announcement struct {
	Publisher [16]byte `msg:"publisher"`
	// Age is at least the time since the publisher was made, in nanoseconds.
	Age uint64 `msg:"age"`
	// Topics has the number of the last event on each.
	Topics map[string]uint64 `msg:"topics"`
	// Question is the number of the question that this answers, 0 if it answers none. Final says that it is the publisher's last
	// word. Both have all topics of the publisher, in one message or several. Known counts them, up to and including this
	// message, and Last marks the last one.
	Question uint64 `msg:"question,omitempty"`
	Final    bool   `msg:"final,omitempty"`
	Known    uint64 `msg:"known,omitempty"`
	Last     bool   `msg:"last,omitempty"`
}

// question asks every publisher for an answer.
type question struct {
	Asker    [16]byte `msg:"asker"`
	Question uint64   `msg:"question"`
}

// decodeAnnouncement reads what may come from anybody.
func decodeAnnouncement(data []byte) (announcement, error) {
	var a announcement
	rest, err := a.UnmarshalMsg(data)
	if err := whole(rest, err); err != nil {
		return a, err
	}
	if uuid.UUID(a.Publisher) == uuid.Nil {
		return a, &bus.InvalidError{Field: "publisher", Reason: "missing"}
	}
	if a.Age > math.MaxInt64/2 {
		return a, &bus.InvalidError{Field: "age", Value: fmt.Sprint(a.Age), Reason: "beyond what time there was"}
	}
	for topic, sequence := range a.Topics {
		if err := subjects.ValidateTopic(topic); err != nil {
			return a, &bus.InvalidError{Field: "topics", Value: topic, Reason: err.Error(), Err: err}
		}
		if sequence == 0 || sequence > math.MaxInt64 {
			return a, &bus.InvalidError{Field: "topics", Value: topic, Reason: fmt.Sprintf("number %d, must be 1 to %d", sequence, math.MaxInt64)}
		}
	}
	return a, nil
}

func decodeQuestion(data []byte) (question, error) {
	var q question
	rest, err := q.UnmarshalMsg(data)
	if err := whole(rest, err); err != nil {
		return q, err
	}
	if uuid.UUID(q.Asker) == uuid.Nil || q.Question == 0 {
		return q, &bus.InvalidError{Field: "asker", Value: uuid.UUID(q.Asker).String(), Reason: "asks nothing"}
	}
	return q, nil
}

func whole(rest []byte, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", bus.ErrInvalid, err)
	}
	if len(rest) > 0 {
		return &bus.InvalidError{Field: "message", Value: fmt.Sprint(len(rest), " bytes"), Reason: "behind its end"}
	}
	return nil
}

// isControl says whether a subject is one of those above.
func isControl(subject string) bool { return strings.HasPrefix(subject, controlPrefix) }
