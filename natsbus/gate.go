package natsbus

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/subjects"
)

// errForged is in the chain of an error about a message in another's name.
var errForged = errors.New("in another's name")

// gate is what the bus in the server's process does for all others: what clients publish comes to it alone, and it passes on what
// they may say. The server says who they are; it puts their role in front of the subject, and lets a bus publish below its own
// publisher ID only. What nobody wants, here or outside, is not even decoded.
//
// It belongs to the goroutine that receives.
type gate struct {
	bus    *Bus
	owners owners
	batch  batch // a buffer
}

// receive takes a message whose subject is the role of who sent it, and what the server made of the subject.
func (g *gate) receive(subject string, msg *nats.Msg) error {
	role, rest, _ := strings.Cut(subject, ".")
	if topic, ok := strings.CutPrefix(rest, link.PlainPrefix); ok {
		return g.plain(role, topic, msg.Data)
	}
	id, rest, _ := strings.Cut(strings.TrimPrefix(rest, link.BusPrefix), ".")
	publisher, err := uuid.Parse(id)
	if err != nil || publisher == uuid.Nil {
		return &bus.InvalidError{Field: "publisher", Value: id, Reason: "is no UUID", Err: err}
	}
	if err := g.own(publisher, owner{role: role, bus: true}); err != nil {
		return err
	}
	if topic, ok := strings.CutPrefix(rest, link.BatchPrefix); ok {
		return g.batches(role, publisher, topic, msg.Data)
	}
	return g.control(publisher, rest, msg.Data)
}

// plain takes an event of a plain client. What that left out is filled in here, so that it is the same for all.
func (g *gate) plain(role, topic string, data []byte) error {
	topic, err := subjects.FromSubject(topic)
	if err != nil {
		return err
	}
	here, outside := g.bus.engine.Wanted(topic), g.bus.outbound.demand(topic)
	if !here && !outside.any() {
		g.bus.engine.Passed(topic, 1)
		return nil
	}
	item, err := g.bus.decode(topic, data)
	if err != nil {
		return err
	}
	event := &item.Event
	if err := g.speaks(role, event); err != nil {
		return err
	}
	if event.Publisher != uuid.Nil {
		if err := g.own(event.Publisher, owner{role: role}); err != nil {
			return err
		}
	}
	g.batch.begin()
	encoded, err := g.batch.encode(event)
	if err != nil {
		return err
	}
	if here {
		g.bus.take(item, len(data))
	} else {
		g.bus.engine.Passed(topic, 1)
	}
	if outside.single {
		g.pass(topic, encoded, 1)
	}
	if outside.batched {
		g.pass(g.bus.outbound.batchSubject(topic), g.batch.close(), 1)
	}
	return nil
}

// batches takes events of a bus in another process.
func (g *gate) batches(role string, publisher uuid.UUID, topic string, data []byte) error {
	topic, err := subjects.FromSubject(topic)
	if err != nil {
		return err
	}
	here, outside := g.bus.engine.Wanted(topic), g.bus.outbound.demand(topic)
	if !here && !outside.any() {
		var events uint64
		_ = readBatch(data, func([]byte) { events++ }) // nobody is concerned by what is wrong with it
		g.bus.engine.Passed(topic, events)
		return nil
	}
	g.batch.begin()
	err = readBatch(data, func(encoded []byte) {
		item, err := g.bus.decode(topic, encoded)
		if err == nil {
			err = isFrom(item.Event.Publisher, publisher)
		}
		if err == nil {
			err = g.speaks(role, &item.Event)
		}
		if err != nil {
			g.bus.refuse(link.BatchPrefix+topic, len(encoded), err)
			return
		}
		if here {
			g.bus.take(item, len(encoded))
		} else {
			g.bus.engine.Passed(topic, 1)
		}
		if outside.single {
			g.pass(topic, encoded, 1)
		}
		if outside.batched {
			g.batch.add(encoded)
		}
	})
	if g.batch.events > 0 {
		g.pass(g.bus.outbound.batchSubject(topic), g.batch.close(), uint64(g.batch.events))
	}
	return err
}

// control takes what a bus in another process says about itself.
func (g *gate) control(publisher uuid.UUID, subject string, data []byte) error {
	err := g.bus.receiveControl(subject, data, publisher)
	if err == nil && g.bus.server.Interest(subject) > 0 {
		g.pass(subject, data, 0)
	}
	return err
}

// pass sends a message on to those outside who want it. If that fails, the events in it are counted.
func (g *gate) pass(subject string, message []byte, events uint64) {
	if err := g.bus.outbound.send(subject, message); err != nil {
		g.bus.outbound.drop(events, err)
	}
}

// speaks returns an error unless the role may publish under the event's source.
func (g *gate) speaks(role string, event *bus.Event) error {
	if g.bus.server.Speaks(role, event.Source) {
		return nil
	}
	return forged("source", event.Source, "is not one of role "+role)
}

// own returns an error if the publisher ID is somebody else's. Whoever used it could make the numbers of another's events
// worthless.
func (g *gate) own(publisher uuid.UUID, by owner) error {
	if publisher == g.bus.engine.Publisher() {
		return forged("publisher", publisher.String(), "is this bus, whose events do not come from outside")
	}
	if reason := g.owners.claim(publisher, by, time.Now()); reason != "" {
		return forged("publisher", publisher.String(), reason)
	}
	return nil
}

func forged(field, value, reason string) error {
	return &bus.InvalidError{Field: field, Value: value, Reason: reason, Err: errForged}
}
