package natsbus

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/subjects"
)

// receiveAll is the one inbound path: it keeps the order of the wire.
func (b *Bus) receiveAll() {
	for {
		select {
		case msg := <-b.interest.inbox:
			b.receive(msg)
		case <-b.stop:
			// The connection is closed: nothing comes in any more, and what has come is taken along.
			for {
				select {
				case msg := <-b.interest.inbox:
					b.receive(msg)
				default:
					return
				}
			}
		}
	}
}

// receive hands what is in one message to the engine.
func (b *Bus) receive(msg *nats.Msg) {
	subject := msg.Subject
	topic, isBatch := strings.CutPrefix(subject, link.BatchPrefix)
	var err error
	switch {
	case b.server != nil:
		subject = strings.TrimPrefix(subject, b.server.InboundPrefix()+".")
		err = b.gate.receive(subject, msg)
	case isBatch:
		err = b.receiveBatch(topic, msg.Data)
	case isControl(subject):
		err = b.receiveControl("", subject, msg.Data, uuid.Nil)
	default:
		err = b.receiveSingle(subject, msg)
	}
	if err != nil {
		b.refuse(msg.Subject, len(msg.Data), err)
	}
}

// refuse counts what is no event, or one in another's name, and says it now and then.
func (b *Bus) refuse(subject string, bytes int, err error) {
	if errors.Is(err, errForged) {
		n := b.forged.Add(1)
		b.complaints.Do(func() {
			b.logger.Warn("refused a message in another's name", "subject", subject, "bytes", bytes, "error", err, "so_far", n)
		})
		return
	}
	n := b.malformed.Add(1)
	b.complaints.Do(func() {
		b.logger.Warn("skipped a message that is no valid event", "subject", subject, "bytes", bytes, "error", err, "so_far", n)
	})
}

// receiveSingle takes a message with one event.
func (b *Bus) receiveSingle(subject string, msg *nats.Msg) error {
	topic, err := subjects.FromSubject(subject)
	if err != nil || !b.engine.Wanted(topic) {
		return err
	}
	if msg.Reply != "" && subjects.IsControl(topic) {
		return nil // a request, which comes to those who answer by another way
	}
	data := msg.Data
	item, err := b.decode(topic, data)
	if err != nil {
		return err
	}
	if item.Event.Publisher == b.engine.Publisher() {
		return forged("publisher", item.Event.Publisher.String(), "is this bus, whose events do not come from outside")
	}
	b.take(item, len(data))
	return nil
}

// receiveBatch takes a message with several events of one bus, which an embedded server's bus has passed on. They may be this bus's
// own.
func (b *Bus) receiveBatch(topic string, data []byte) error {
	topic, err := subjects.FromSubject(topic)
	if err != nil || !b.engine.Wanted(topic) {
		return err
	}
	own := false
	return readBatch(data, func(encoded []byte) {
		if own {
			return
		}
		item, err := b.decode(topic, encoded)
		if err != nil {
			b.refuse(link.BatchPrefix+topic, len(encoded), err)
			return
		}
		if own = item.Event.Publisher == b.engine.Publisher(); !own {
			b.take(item, len(encoded))
		}
	})
}

// take hands one event to the engine.
func (b *Bus) take(item *engine.Item, bytes int) {
	if b.engine.Receive(item, bytes) {
		b.announcer.askSoon()
	}
}

// decode reads and checks an event. Its publisher may be any NATS client, so ID, time, topic and correlation may be missing.
func (b *Bus) decode(topic string, data []byte) (*engine.Item, error) {
	limit := b.engine.Options().MaxEventSize
	if len(data) > limit {
		return nil, &bus.InvalidError{Field: "event", Value: fmt.Sprint(len(data), " bytes"), Reason: fmt.Sprintf("at most %d allowed", limit), Err: bus.ErrTooLarge}
	}
	item := new(engine.Item)
	event := &item.Event
	rest, err := event.UnmarshalMsg(data)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, &bus.InvalidError{Field: "event", Value: fmt.Sprint(len(rest), " bytes"), Reason: "behind the end of the event"}
	}
	if event.Topic != "" && event.Topic != topic {
		return nil, &bus.InvalidError{Field: "topic", Value: event.Topic, Reason: "differs from the subject " + topic}
	}
	event.Topic = "" // it has been checked as the subject
	if event.Sequence > math.MaxInt64 {
		return nil, &bus.InvalidError{Field: "sequence", Value: fmt.Sprint(event.Sequence), Reason: "beyond what can be counted"}
	}
	if err := event.Validate(); err != nil {
		return nil, err
	}
	event.Topic = topic // whose memory is its own: as a key of some map, that of the event would keep all its other texts
	b.engine.Complete(event)
	return item, nil
}
