package natsbus

import (
	"sync/atomic"
	"time"
)

// complaintInterval is how often the same kind of trouble is logged at most.
const complaintInterval = 10 * time.Second

// limiter lets the first of a flood through, and then one each complaintInterval.
type limiter struct {
	next atomic.Int64 // Unix nanoseconds
}

func (l *limiter) allow(now time.Time) bool {
	next := l.next.Load()
	return now.UnixNano() >= next && l.next.CompareAndSwap(next, now.Add(complaintInterval).UnixNano())
}
