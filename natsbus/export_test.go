package natsbus

import "github.com/google/uuid"

// Overlap is overlap, for the tests.
var Overlap = overlap

// SentMessages returns how many messages the bus has sent to its server.
func SentMessages(b *Bus) uint64 { return b.conn.Stats().OutMsgs }

// ReceivedMessages returns how many messages the server has sent to the bus.
func ReceivedMessages(b *Bus) uint64 { return b.conn.Stats().InMsgs }

// Subjects returns how many NATS subscriptions the bus has for events.
func Subjects(b *Bus) int { return b.conn.NumSubscriptions() - 3 }

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
