package engine

import (
	"sync/atomic"
	"time"
)

// wallInterval is how old a reading of the wall clock may be. Within it, the wall clock follows from the monotonic one.
const wallInterval = time.Millisecond

// clock is the time of a bus. One reading of the system's monotonic clock gives both the bus's own time, which starts with the
// bus and does not follow the wall clock when that jumps, and the wall clock's: reading both from the system
// doubles the cost (43 ns instead of 23 on the machine of docs/performance.md).
type clock struct {
	started time.Time
	wall    func() time.Time // nil is the system's; tests set it

	ahead atomic.Int64 // nanoseconds from the bus's time to Unix time
	read  atomic.Int64 // when that was found out, on the bus's clock
}

func (c *clock) start() { c.started = time.Now() }

// now returns the bus's own time.
func (c *clock) now() time.Duration { return time.Since(c.started) }

// both returns the wall clock in Unix nanoseconds and the bus's time.
func (c *clock) both() (unix int64, now time.Duration) {
	now = c.now()
	ahead := c.ahead.Load()
	if ahead == 0 || now-time.Duration(c.read.Load()) >= wallInterval {
		t := time.Now() // both clocks at one moment: between two calls the goroutine may have to wait
		now = t.Sub(c.started)
		if c.wall != nil {
			t = c.wall()
		}
		ahead = t.UnixNano() - int64(now)
		c.ahead.Store(ahead)
		c.read.Store(int64(now))
	}
	return ahead + int64(now), now
}
