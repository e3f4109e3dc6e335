package natsbus

import (
	"fmt"
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
	topic, err := subjects.FromSubject(strings.TrimPrefix(msg.Subject, b.interest.prefix))
	if err == nil {
		if !b.engine.Wanted(topic) {
			return
		}
		var event *bus.Event
		if event, err = b.decode(topic, msg.Data); err == nil {
			b.engine.Receive(event)
			return
		}
	}
	n := b.malformed.Add(1)
	b.complaints.Do(func() {
		b.logger.Warn("skipped a message that is no valid event", "subject", msg.Subject, "bytes", len(msg.Data), "error", err, "so_far", n)
	})
}

// decode reads and checks an event. Its publisher may be any NATS client, so ID, time, topic and correlation may be missing.
func (b *Bus) decode(topic string, data []byte) (*bus.Event, error) {
	limit := b.engine.Options().MaxEventSize
	if len(data) > limit {
		return nil, &bus.InvalidError{Field: "event", Value: fmt.Sprint(len(data), " bytes"), Reason: fmt.Sprintf("at most %d allowed", limit), Err: bus.ErrTooLarge}
	}
	event := new(bus.Event)
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
	if err := event.Validate(); err != nil {
		return nil, err
	}
	return event, engine.Complete(event)
}
