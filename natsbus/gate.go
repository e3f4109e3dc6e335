package natsbus

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

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
	asked  map[string]*rate.Limiter // how often each role asks
	batch  batch                    // a buffer
	single batch                    // likewise, for one event in full
}

const (
	// requestRate is how many requests of a role are answered a second. An answer may cost as much as thousands of events.
	requestRate = 100
	// maxReply bounds a reply subject, in bytes: the server ends the connection on which a line of the protocol is too long, and with the
	// role before the subject it would be that of its own bus.
	maxReply = 1 << 10
)

// receive takes a message whose subject is the role of who sent it, and what the server made of the subject.
func (g *gate) receive(subject string, msg *nats.Msg) error {
	role, rest, _ := strings.Cut(subject, ".")
	if topic, ok := strings.CutPrefix(rest, link.PlainPrefix); ok {
		return g.plain(role, topic, msg)
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
	if topic, ok := strings.CutPrefix(rest, link.RequestPrefix); ok {
		return g.request(role, id, topic, link.ReplyPrefix+id+".", msg)
	}
	if token, ok := strings.CutPrefix(rest, link.ReplyPrefix); ok {
		g.bus.requests.brought(token, msg)
		return nil
	}
	return g.control(role, publisher, rest, msg.Data)
}

// plain takes an event of a plain client. What that left out is filled in here, so that it is the same for all. What wants a reply
// on a control topic is a request.
func (g *gate) plain(role, topic string, msg *nats.Msg) error {
	topic, err := subjects.FromSubject(topic)
	if err != nil {
		return err
	}
	if subjects.IsControl(topic) {
		if msg.Reply != "" {
			return g.request(role, "", topic, link.InboxPrefix(role)+".", msg)
		}
		// The server lets through what may be a request.
		if !g.bus.server.Publishes(role, topic) {
			return forged("topic", topic, "is for role "+role+" to ask on, with a reply subject")
		}
	}
	data := msg.Data
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
	encoded, err := g.batch.encode(event, !outside.single)
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
		if outside.batched {
			g.batch.add(encoded)
		}
		if outside.single {
			g.passSingle(topic, &item.Event)
		}
	})
	if g.batch.events > 0 {
		g.pass(g.bus.outbound.batchSubject(topic), g.batch.close(), uint64(g.batch.events))
	}
	return err
}

// request has this process answer a request, and passes it on to others who do. Who asks gets the reply on a subject that begins
// with the prefix, and may name no other: the bus sends it there, which may send to anybody.
func (g *gate) request(role, asker, topic, prefix string, msg *nats.Msg) error {
	to := msg.Reply
	if len(to) > maxReply {
		return forged("reply", to[:maxReply], fmt.Sprintf("has %d bytes, of at most %d", len(to), maxReply))
	}
	if !strings.HasPrefix(to, prefix) || strings.ContainsAny(to, "*> \t\r\n") || strings.Contains(to, "..") || strings.HasSuffix(to, ".") {
		return forged("reply", to, "does not begin with "+prefix)
	}
	if asker != "" {
		to = link.RoleReplies(role) + strings.TrimPrefix(to, link.ReplyPrefix)
	}
	reply := func(data []byte, err error) { g.bus.requests.reply(to, data, err) }
	if !g.bus.server.Requests(role, topic) {
		reply(nil, &bus.RequestError{Code: bus.CodeForbidden, Reason: "role " + role + " may not ask on " + topic})
		return nil
	}
	limiter := g.asked[role]
	if limiter == nil {
		limiter = rate.NewLimiter(requestRate, requestRate)
		g.asked[role] = limiter
	}
	if !limiter.Allow() {
		reply(nil, &bus.RequestError{Code: bus.CodeBusy, Reason: fmt.Sprintf("role %s asks more than %d times a second", role, requestRate)})
		return nil
	}
	request := bus.Request{Topic: topic, Data: msg.Data, Role: role}
	_, err := g.bus.requests.passOn(request, asker, reply)
	asked := g.bus.engine.Answer(request, reply)
	if err != nil && (asked == 0 || !errors.Is(err, bus.ErrNoResponders)) {
		reply(nil, err)
	}
	return nil
}

// control takes what a bus in another process says about itself.
func (g *gate) control(role string, publisher uuid.UUID, subject string, data []byte) error {
	err := g.bus.receiveControl(role, subject, data, publisher)
	if err == nil && g.bus.server.Interest(subject) > 0 {
		g.pass(subject, data, 0)
	}
	return err
}

// announces returns an error unless the role may publish on the topics on which it says that there are events: those would count as lost.
func (g *gate) announces(role string, topics map[string]uint64) error {
	for topic := range topics {
		if !g.bus.server.Publishes(role, topic) {
			return forged("topic", topic, "has no events of role "+role)
		}
	}
	return nil
}

// passSingle sends on an event that came in a batch, as a message of its own.
func (g *gate) passSingle(topic string, event *bus.Event) {
	g.single.begin()
	encoded, err := g.single.encode(event, false)
	if err != nil {
		g.bus.outbound.drop(1, err)
		return
	}
	g.pass(topic, encoded, 1)
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
