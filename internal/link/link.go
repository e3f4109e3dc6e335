// Package link has the names by which buses and the embedded server know each other on NATS. docs/wire.md describes them.
package link

import (
	"strings"

	"github.com/google/uuid"
)

const (
	// Domain is the first segment of the subjects on which buses talk to each other.
	Domain = "eventbus"
	// BatchPrefix stands before the topic in the subject of a batch.
	BatchPrefix = Domain + ".batch."
	// BatchOverhead is what a batch of one event has beside it, in bytes.
	BatchOverhead = 10

	// RequestPrefix stands before the topic of a request between buses on an embedded server.
	RequestPrefix = Domain + ".request."
	// ReplyPrefix stands before what tells the replies to a bus apart: its publisher ID, a dot and a number; or, in a request that
	// the server's bus has passed on, a random text.
	ReplyPrefix = Domain + ".reply."
	// RoleHeader is the role of who asks, in a request that was passed on.
	RoleHeader = "Eventbus-Role"
	// AskerHeader is the publisher ID of the bus that asks.
	AskerHeader = "Eventbus-Asker"

	// GroupPrefix stands before the name of a bus's queue group, which nobody else knows: who did could take what is for that bus.
	GroupPrefix = "bus."

	// Up is the first segment of the subjects on which an embedded server takes what its clients publish, for the bus of its process
	// alone to read.
	Up = "up"
	// PlainPrefix stands before the topic of what a plain client published. The server puts it there.
	PlainPrefix = Up + ".plain."
	// BusPrefix stands before the publisher ID of a bus, a dot, and the subject that it would use without the server.
	BusPrefix = Up + ".bus."

	busName    = "eventbus:"
	serverName = "eventbus:"
)

// ConnectionName returns the name of a bus's connection, by which an embedded server tells it from a plain client and knows
// the publisher ID that its events have.
func ConnectionName(name string, publisher uuid.UUID) string {
	return busName + publisher.String() + ":" + name
}

// Publisher returns the publisher ID in the name of a connection, ok if it is a bus's.
func Publisher(connection string) (publisher uuid.UUID, ok bool) {
	rest, ok := strings.CutPrefix(connection, busName)
	if !ok {
		return publisher, false
	}
	id, _, _ := strings.Cut(rest, ":")
	publisher, err := uuid.Parse(id)
	return publisher, err == nil && publisher != uuid.Nil
}

// InboxPrefix returns the prefix of the subjects on which plain clients of a role get replies, and those of no other.
func InboxPrefix(role string) string { return "_INBOX_" + role }

// RoleReplies returns the prefix of the subjects on which the server's bus answers buses of a role, instead of ReplyPrefix, which the
// server puts back on the way to them. So an answer gets to no other role, whatever publisher ID a client connects with.
func RoleReplies(role string) string { return InboxPrefix(role) + "." + ReplyPrefix }

// ServerName returns the name that an embedded server tells its clients, by which a bus knows what it has connected to.
func ServerName(name string) string { return serverName + name }

// IsEmbedded reports whether the server with that name is an embedded one.
func IsEmbedded(server string) bool { return strings.HasPrefix(server, serverName) }
