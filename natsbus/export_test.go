package natsbus

// Overlap is overlap, for the tests.
var Overlap = overlap

// SentMessages returns how many messages the bus has sent to its server.
func SentMessages(b *Bus) uint64 { return b.conn.Stats().OutMsgs }

// Subjects returns how many NATS subscriptions the bus has for events.
func Subjects(b *Bus) int { return b.conn.NumSubscriptions() - 3 }
