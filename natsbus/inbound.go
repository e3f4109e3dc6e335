package natsbus

import (
	"fmt"
	"math"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
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

// receive hands one message to the engine. What is no event is counted, and said now and then.
func (b *Bus) receive(msg *nats.Msg) {
	err := b.accept(strings.TrimPrefix(msg.Subject, b.interest.prefix), msg.Data)
	if err == nil {
		return
	}
	n := b.malformed.Add(1)
	b.complaints.Do(func() {
		b.logger.Warn("skipped a message that is no valid event", "subject", msg.Subject, "bytes", len(msg.Data), "error", err, "so_far", n)
	})
}

// accept takes a message that is valid.
func (b *Bus) accept(subject string, data []byte) error {
	if isControl(subject) {
		return b.receiveControl(subject, data)
	}
	topic, err := subjects.FromSubject(subject)
	if err != nil || !b.engine.Wanted(topic) {
		return err
	}
	item, err := b.decode(topic, data)
	if err != nil {
		return err
	}
	if b.engine.Receive(item, len(data)) {
		b.announcer.askSoon()
	}
	return nil
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
	if event.Topic == "" {
		event.Topic = topic
	}
	if event.Topic != topic {
		return nil, &bus.InvalidError{Field: "topic", Value: event.Topic, Reason: "differs from the subject " + topic}
	}
	if event.Publisher == b.engine.Publisher() {
		return nil, &bus.InvalidError{Field: "publisher", Value: event.Publisher.String(), Reason: "is this bus, whose events do not come from outside"}
	}
	if event.Sequence > math.MaxInt64 {
		return nil, &bus.InvalidError{Field: "sequence", Value: fmt.Sprint(event.Sequence), Reason: "beyond what can be counted"}
	}
	if err := event.Validate(); err != nil {
		return nil, err
	}
	b.engine.Complete(event)
	return item, nil
}
