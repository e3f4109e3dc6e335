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

// now reads the bus's clock: the time since the engine was made. It does not follow the wall clock when that jumps.
func (e *Engine) now() time.Duration { return time.Since(e.started) }

// readClocks returns both clocks from one reading.
func (e *Engine) readClocks() (wall time.Time, now time.Duration) {
	t := time.Now()
	now = t.Sub(e.started)
	if e.wallClock != nil {
		t = e.wallClock()
	}
	// Round strips the monotonic reading, which no wire carries.
	return t.Round(0).UTC(), now
}
