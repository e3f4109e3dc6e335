package natsbus

import (
	"time"

	"github.com/google/uuid"
)

const (
	// maxOwned bounds the publisher IDs that clients of one role may have at a time, and so what a flood of new ones can use up: that
	// role's share.
	maxOwned = 4096
	// ownedFor is how long an ID that is not used any more remains its owner's at least: until its role needs the room.
	ownedFor = 10 * time.Minute
)

// owner is who uses a publisher ID.
type owner struct {
	role string
	bus  bool // a bus, as opposed to a plain client
}

// owners remembers whose publisher IDs are. An ID belongs to who uses it first; it has 122 random bits, so nobody can be first
// with an ID that another one is about to use.
type owners struct {
	known map[uuid.UUID]*owned
	count map[string]int       // by role
	swept map[string]time.Time // by role
}

type owned struct {
	owner
	seen time.Time
}

// claim returns why somebody may not use an ID, or nothing.
func (o *owners) claim(publisher uuid.UUID, by owner, now time.Time) (reason string) {
	if known, ok := o.known[publisher]; ok {
		if known.owner != by {
			return "belongs to another client"
		}
		known.seen = now
		return ""
	}
	if o.count[by.role] >= maxOwned {
		o.sweep(by.role, now)
		if o.count[by.role] >= maxOwned {
			return "is one too many for role " + by.role
		}
	}
	if o.known == nil {
		o.known, o.count, o.swept = make(map[uuid.UUID]*owned), make(map[string]int), make(map[string]time.Time)
	}
	o.known[publisher] = &owned{by, now}
	o.count[by.role]++
	return ""
}

// sweep forgets IDs of a role that have not been used for long, once a second at most. Those of others stay: a role that fills its
// own share must not set them free for itself.
func (o *owners) sweep(role string, now time.Time) {
	if now.Sub(o.swept[role]) < time.Second {
		return
	}
	o.swept[role] = now
	for publisher, known := range o.known {
		if known.role == role && now.Sub(known.seen) > ownedFor {
			delete(o.known, publisher)
			o.count[role]--
		}
	}
}
