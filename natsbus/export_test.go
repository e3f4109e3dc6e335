package natsbus

import (
	"fmt"

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

// KeepLastWords has a memory of last words hear one of each publisher, with so many topics in messages of 512, and returns how many
// publishers and topics it remembers.
func KeepLastWords(publishers, topics int) (remembered, total int) {
	var l lastWords
	for range publishers {
		id := uuid.New()
		for at := 0; at < topics; at += announcementTopics {
			a := announcement{Publisher: id, Final: true, Topics: make(map[string]uint64), Known: uint64(min(topics, at+announcementTopics))}
			for i := at; i < int(a.Known); i++ {
				a.Topics[fmt.Sprint("events.a.t", i)] = 1
			}
			a.Last = int(a.Known) == topics
			l.keep(a, 0, true)
		}
	}
	for _, w := range l.all() {
		total += len(w.topics)
	}
	return len(l.all()), total
}
