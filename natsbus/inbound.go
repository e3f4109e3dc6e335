package natsbus

import (
	"fmt"
	"math"
	"strings"

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
	for _, source := range b.sources {
		subject = strings.TrimPrefix(subject, source)
	}
	topic, isBatch := strings.CutPrefix(subject, link.BatchPrefix)
	var err error
	switch {
	case isBatch:
		err = b.receiveBatch(topic, msg.Data)
	case isControl(subject):
		err = b.receiveControl(subject, msg.Data)
	default:
		err = b.receiveSingle(subject, msg.Data)
	}
	if err != nil {
		b.refuse(msg.Subject, len(msg.Data), err)
	}
}

// refuse counts what is no event, and says it now and then.
func (b *Bus) refuse(subject string, bytes int, err error) {
	n := b.malformed.Add(1)
	b.complaints.Do(func() {
		b.logger.Warn("skipped a message that is no valid event", "subject", subject, "bytes", bytes, "error", err, "so_far", n)
	})
}

// receiveSingle takes a message with one event.
func (b *Bus) receiveSingle(subject string, data []byte) error {
	topic, err := subjects.FromSubject(subject)
	if err != nil || !b.engine.Wanted(topic) {
		return err
	}
	return b.receiveEvent(topic, data)
}

// receiveBatch takes a message with several events of another bus. In the server's process it also passes them on to plain clients
// that want them.
func (b *Bus) receiveBatch(topic string, data []byte) error {
	topic, err := subjects.FromSubject(topic)
	if err != nil {
		return err
	}
	wanted := b.engine.Wanted(topic)
	passOn := b.server != nil && b.server.Interest(topic) > 0
	if !wanted && !passOn {
		return nil
	}
	return readBatch(data, func(event []byte) {
		if passOn {
			b.passOn(topic, event)
		}
		if wanted {
			if err := b.receiveEvent(topic, event); err != nil {
				b.refuse(link.BatchPrefix+topic, len(event), err)
			}
		}
	})
}

// passOn sends an event of another bus to plain clients. What they miss they see by its sequence number.
func (b *Bus) passOn(topic string, event []byte) {
	if err := b.outbound.send(topic, event); err != nil && !b.engine.Stopped() {
		b.complaints.Do(func() { b.logger.Warn("cannot pass an event on to plain clients", "topic", topic, "error", err) })
	}
}

// receiveEvent hands one event to the engine.
func (b *Bus) receiveEvent(topic string, data []byte) error {
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
