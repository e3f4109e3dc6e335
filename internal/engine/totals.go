package engine

import (
	"sync"
	"sync/atomic"

	"github.com/daemoneye/eventbus/bus"
)

// totals sums up the counters of ended subscriptions.
type totals struct {
	delivered atomic.Uint64 // grows when readers take what an ended subscription has left

	mu            sync.Mutex // guards what follows
	matched, lost uint64
	drops         bus.Drops
}

func (t *totals) add(matched, lost uint64, drops bus.Drops) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.matched += matched
	t.lost += lost
	t.drops = t.drops.Plus(drops)
}

// start fills in a snapshot, to which the live subscriptions are added.
func (t *totals) start(statistics *bus.Statistics) {
	statistics.Delivered = t.delivered.Load() // first: it grows towards the others
	t.mu.Lock()
	defer t.mu.Unlock()
	statistics.Matched, statistics.Lost, statistics.Drops = t.matched, t.lost, t.drops
}
