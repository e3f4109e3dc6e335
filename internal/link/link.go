// Package link has the names by which buses and the embedded server know each other on NATS. docs/wire.md describes them.
package link

import "strings"

const (
	// Domain is the first segment of the subjects on which buses talk to each other.
	Domain = "eventbus"
	// BatchPrefix stands before the topic in the subject of a batch.
	BatchPrefix = Domain + ".batch."
	// BatchOverhead is what a batch of one event has beside it, in bytes.
	BatchOverhead = 10
	// ClientsPrefix is the first segment of the subjects on which an embedded server gives to buses what plain clients publish.
	ClientsPrefix = "clients"

	busName = "eventbus:"
)

// ConnectionName returns the name of a bus's connection, by which an embedded server tells it from a plain client.
func ConnectionName(name string) string { return busName + name }

// IsBus reports whether the connection with that name is a bus's.
func IsBus(connection string) bool { return strings.HasPrefix(connection, busName) }
