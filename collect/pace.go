package collect

import (
	"sync/atomic"
	"time"
)

// Paced is a [Collector] that scans in intervals, which can be changed while it runs.
type Paced interface {
	Collector
	// Interval returns the time between scans.
	Interval() time.Duration
	// SetInterval changes it, 0 to the collector's default. The time until the next scan begins anew.
	SetInterval(time.Duration)
}

var (
	_ Paced = (*Processes)(nil)
	_ Paced = (*Connections)(nil)
	_ Paced = (*Performance)(nil)
)

// pace is the time between scans.
type pace struct {
	byDefault time.Duration
	interval  atomic.Int64
	changed   chan struct{} // a token if a Run has not seen the interval yet; another one sees it after its next scan
}

func newPace(interval, byDefault time.Duration) *pace {
	p := &pace{byDefault: byDefault, changed: make(chan struct{}, 1)}
	p.set(interval)
	return p
}

func (p *pace) get() time.Duration { return time.Duration(p.interval.Load()) }

func (p *pace) set(interval time.Duration) {
	orDefault(&interval, p.byDefault)
	p.interval.Store(int64(interval))
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
