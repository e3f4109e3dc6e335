package collect

import (
	"sync/atomic"
	"time"
)

// Statistics is a snapshot of a collector's counters.
type Statistics struct {
	// Scans is the number of completed scans.
	Scans uint64 `json:"scans"`
	// Events is the number of events that the bus took.
	Events uint64 `json:"events"`
	// Failed is the number of events that the bus returned an error for. Some receiver may have got them nevertheless.
	Failed uint64 `json:"failed"`
	// LastScan is how long the last scan took, in nanoseconds in JSON.
	LastScan time.Duration `json:"last_scan"`
}

// counters are what Statistics is a snapshot of.
type counters struct {
	scans, events, failed atomic.Uint64
	lastScan              atomic.Int64
}

func (c *counters) snapshot() Statistics {
	return Statistics{
		Scans: c.scans.Load(), Events: c.events.Load(), Failed: c.failed.Load(), LastScan: time.Duration(c.lastScan.Load()),
	}
}
