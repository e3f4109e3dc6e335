package engine

import (
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// Item is an event on its way through the queues of this process, with what they need to know about it.
type Item struct {
	Event bus.Event

	size    uint64        // bound of the wire size in bytes
	arrived time.Duration // when it was published or received, on the bus's clock
}
