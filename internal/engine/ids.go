package engine

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/google/uuid"
)

// ids makes the IDs of a bus's events: UUIDs of version 7, as RFC 9562 defines them in section 5.7.
//
// The first 48 bits are the time in milliseconds. The next 20 (of rand_a and rand_b) are the nanoseconds within it, as section
// 6.2 allows by its method 3, so that IDs of one bus grow. The other 54 are random and the same for all IDs of the bus. No two events
// of a bus get the same nanosecond: if the clock stands still or goes back, the last one is counted on.
//
// An ID costs one compare-and-swap. The general uuid.NewV7 reads the clock and a random source for each, 200 ns.
type ids struct {
	random uint64        // 54 bits
	last   atomic.Uint64 // Unix nanoseconds of the last ID
}

// seed takes the random bits from a random UUID.
func (s *ids) seed(random uuid.UUID) { s.random = binary.BigEndian.Uint64(random[8:]) & (1<<54 - 1) }

// next returns the next ID at that time.
func (s *ids) next(unix int64) (id uuid.UUID) {
	now := uint64(max(unix, 0))
	for {
		last := s.last.Load()
		now = max(now, last+1)
		if s.last.CompareAndSwap(last, now) {
			break
		}
	}
	ms, ns := now/1e6, now%1e6
	const version, variant = 7 << 12, 2 << 62
	binary.BigEndian.PutUint64(id[:8], ms<<16|version|ns>>8)
	binary.BigEndian.PutUint64(id[8:], variant|(ns&0xff)<<54|s.random)
	return id
}
