package embed

import (
	"sync/atomic"
	"time"
)

// desertedInterval is how soon it is noticed that the last connection from outside has gone.
const desertedInterval = 100 * time.Millisecond

// outsiders knows at the cost of two loads that there is no connection from outside, and so nobody to be interested in anything. To
// ask the server about a subject costs ten times as much, for each event.
type outsiders struct {
	admitted atomic.Uint64 // connections so far
	none     atomic.Uint64 // as many as that had come at a moment when none was left
	came     chan struct{} // a token: somebody has come
}

func newOutsiders() *outsiders { return &outsiders{came: make(chan struct{}, 1)} }

// admit counts a connection. It is called when the connection is counted by its account, and before it can subscribe.
func (o *outsiders) admit() {
	o.admitted.Add(1)
	select {
	case o.came <- struct{}{}:
	default:
	}
}

// deserted reports whether nobody is connected. It may find that out late, but never too early.
func (o *outsiders) deserted() bool { return o.none.Load() == o.admitted.Load() }

// watch finds out when the last one has gone, until quit is closed.
func (o *outsiders) watch(connections func() int, quit <-chan struct{}) {
	ticker := time.NewTicker(desertedInterval)
	defer ticker.Stop()
	for {
		ticker.Stop()
		select {
		case <-o.came:
		case <-quit:
			return
		}
		ticker.Reset(desertedInterval)
		for !o.deserted() {
			select {
			case <-ticker.C:
			case <-quit:
				return
			}
			// In this order: who is admitted in between is in neither number.
			if so := o.admitted.Load(); connections() == 0 {
				o.none.Store(so)
			}
		}
	}
}
