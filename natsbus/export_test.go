package natsbus

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Overlap is overlap, for the tests.
var Overlap = overlap

// SentMessages returns how many messages the bus has sent to its server.
func SentMessages(b *Bus) uint64 { return b.conn.Stats().OutMsgs }

// ReceivedMessages returns how many messages the server has sent to the bus.
func ReceivedMessages(b *Bus) uint64 { return b.conn.Stats().InMsgs }

// Subjects returns for how many subjects of events the bus has NATS subscriptions.
func Subjects(b *Bus) int {
	b.interest.mu.Lock()
	defer b.interest.mu.Unlock()
	return len(b.interest.subjects)
}

// DecodeAnnouncement is decodeAnnouncement, for the tests.
func DecodeAnnouncement(data []byte) (publisher uuid.UUID, topics map[string]uint64, err error) {
	a, err := decodeAnnouncement(data)
	return a.Publisher, a.Topics, err
}

// DecodeQuestion is decodeQuestion, for the tests.
func DecodeQuestion(data []byte) (asker uuid.UUID, err error) {
	q, err := decodeQuestion(data)
	return q.Asker, err
}

// LastWords is a memory of last words.
type LastWords struct{ kept lastWords }

// Hear has it hear one of each of some publishers of a role, with so many topics, in messages of 512.
func (l *LastWords) Hear(role string, publishers, topics int) {
	for range publishers {
		id := uuid.New()
		for at := 0; at < topics; at += announcementTopics {
			a := announcement{Publisher: id, Final: true, Topics: make(map[string]uint64), Known: uint64(min(topics, at+announcementTopics))}
			for i := at; i < int(a.Known); i++ {
				a.Topics[fmt.Sprint("events.a.t", i)] = 1
			}
			a.Last = int(a.Known) == topics
			l.kept.keep(role, a, 0, true)
		}
	}
}

// HearPart has it hear a part of the last word of a publisher that never says the rest.
func (l *LastWords) HearPart(publisher uuid.UUID) {
	l.kept.keep("", announcement{Publisher: publisher, Final: true, Topics: map[string]uint64{"events.a.b": 1}, Known: 2}, 0, true)
}

// Remembered returns how many publishers of a role it remembers, and how many topics of them.
func (l *LastWords) Remembered(role string) (publishers, topics int) {
	for _, w := range l.kept.all() {
		if w.role == role {
			publishers++
			topics += len(w.topics)
		}
	}
	return publishers, topics
}

// BatchBytes is batchBytes, for the tests.
const BatchBytes = batchBytes

// ReadBatch is readBatch, for the tests.
var ReadBatch = readBatch

// Batches returns the messages in which events are sent that come together.
func Batches(events [][]byte) (messages [][]byte) {
	b := new(batch)
	b.begin()
	for _, event := range events {
		if b.events > 0 && len(b.message)+5+len(event) > batchBytes {
			messages = append(messages, bytes.Clone(b.close()))
			b.begin()
		}
		b.add(event)
	}
	return append(messages, bytes.Clone(b.close()))
}

// Publisher returns the publisher ID of the bus's events.
func Publisher(b *Bus) uuid.UUID { return b.engine.Publisher() }

// MaxOwned is maxOwned, for the tests.
const MaxOwned = maxOwned

// OwnedFor is ownedFor, for the tests.
const OwnedFor = ownedFor

// Owners returns a table of publisher IDs: the function says why a plain client of a role may not use one at that time, or nothing.
func Owners() func(publisher uuid.UUID, role string, now time.Time) (reason string) {
	var o owners
	return func(publisher uuid.UUID, role string, now time.Time) string {
		return o.claim(publisher, owner{role: role}, now)
	}
}

// MaxPassedOn is maxPassedOn, for the tests.
const MaxPassedOn = maxPassedOn

// MaxUnsent is maxUnsent, for the tests.
const MaxUnsent = maxUnsent

// RequestRate is requestRate, for the tests.
const RequestRate = requestRate

// FlushTimeout is flushTimeout, for the tests.
const FlushTimeout = flushTimeout

// Reconnect has the bus lose its connection and make it anew.
func Reconnect(b *Bus) { _ = b.conn.ForceReconnect() }

// Adapt makes the bus look again at what server it has, as it does after a reconnect, and returns what stands before its subjects.
func Adapt(b *Bus) (uplink, form string) {
	b.adapt()
	b.interest.mu.Lock()
	defer b.interest.mu.Unlock()
	return *b.outbound.uplink.Load(), b.interest.prefix
}

// InboundMessages is inboundMessages, for the tests.
const InboundMessages = inboundMessages
