package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/bus"
)

// notifier tells one subscriber what it missed. Its goroutine runs only while there is something to tell, and for
// bus.NoticeInterval after it.
type notifier struct {
	subscription *Subscription
	call         func(bus.Notice)
	running      *runners

	raised atomic.Bool   // there may be something to tell
	over   chan struct{} // closed when the subscription has ended

	mu     sync.Mutex // guards what follows
	awake  bool       // the goroutine runs, or is about to
	lost   uint64     // not told yet
	cutOff time.Duration
	losses []bus.Loss // the same by publisher and topic
	index  map[origin]int

	told bus.Notice // the last counters that were told; the goroutine's own
}

func newNotifier(s *Subscription, call func(bus.Notice), running *runners) *notifier {
	n := &notifier{subscription: s, call: call, running: running, over: make(chan struct{})}
	n.told.Circuit = s.Statistics().Circuit
	return n
}

// origin is what losses are told apart by.
type origin struct {
	publisher uuid.UUID
	topic     string
}

// lose adds missing events, first to last, to what the next notice tells.
func (n *notifier) lose(from origin, first, last uint64) {
	n.mu.Lock()
	count := last - first + 1
	n.lost += count
	if n.index == nil {
		n.index = make(map[origin]int)
	}
	at, ok := n.index[from]
	if !ok && len(n.losses) >= bus.MaxNoticeLosses-1 {
		// The rest of them share the entry of nobody.
		from, first, last = origin{}, 0, 0
		at, ok = n.index[from]
	}
	if !ok {
		at = len(n.losses)
		n.index[from] = at
		n.losses = append(n.losses, bus.Loss{Publisher: from.publisher, Topic: from.topic, First: first, Last: last})
	}
	loss := &n.losses[at]
	loss.First, loss.Last = min(loss.First, first), max(loss.Last, last)
	loss.Count += count
	n.mu.Unlock()
	n.raise()
}

// reconnected adds to what the next notice tells that the connection was lost for a while.
func (n *notifier) reconnected(after time.Duration) {
	n.mu.Lock()
	n.cutOff += after
	n.mu.Unlock()
	n.raise()
}

// raise makes sure that somebody will look for what there is to tell.
func (n *notifier) raise() {
	// Read before it is written: under a flood of drops it is set nearly always.
	if n.raised.Load() || n.raised.Swap(true) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.awake {
		n.awake = n.running.start(n.run)
	}
}

// run tells what there is to tell, until there is no more.
func (n *notifier) run() {
	for {
		n.raised.Store(false)
		if notice, ok := n.collect(); ok {
			n.call(notice)
			n.pause()
		}
		n.mu.Lock()
		if !n.raised.Load() {
			n.awake = false
			n.mu.Unlock()
			return
		}
		n.mu.Unlock()
	}
}

// pause waits for the next notice's time, or for the end of the subscription.
func (n *notifier) pause() {
	timer := time.NewTimer(bus.NoticeInterval)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-n.over:
	}
}

// collect returns what has not been told yet, and whether there is anything.
func (n *notifier) collect() (notice bus.Notice, ok bool) {
	statistics := n.subscription.Statistics()
	notice = bus.Notice{
		Subscriber: statistics.ID, Drops: statistics.Drops.Minus(n.told.Drops),
		Circuit: statistics.Circuit, CircuitOpened: statistics.CircuitOpened,
	}
	n.mu.Lock()
	notice.Lost, notice.Losses, notice.CutOff = n.lost, n.losses, n.cutOff
	n.lost, n.losses, n.index, n.cutOff = 0, nil, nil, 0
	n.mu.Unlock()
	ok = notice.Lost > 0 || notice.CutOff > 0 || notice.Drops != bus.Drops{} || notice.Circuit != n.told.Circuit || notice.CircuitOpened != n.told.CircuitOpened
	n.told = bus.Notice{Drops: statistics.Drops, Circuit: notice.Circuit, CircuitOpened: notice.CircuitOpened}
	return notice, ok
}

// end makes what is left to tell be told at once.
func (n *notifier) end() {
	close(n.over)
	n.raise()
}

// runners are the goroutines of a bus that tell somebody something.
type runners struct {
	mu     sync.Mutex // guards what follows
	closed bool
	active sync.WaitGroup
}

// start starts a goroutine, unless the bus is past the point where one could be waited for.
func (r *runners) start(run func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.active.Go(run)
	return true
}

// lastNotice is how long the last notices may take when the context of Shutdown has ended: they tell what was cut off.
const lastNotice = 100 * time.Millisecond

// wait lets no more start, and waits for those that run until ctx ends and a little longer.
func (r *runners) wait(ctx context.Context) {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); r.active.Wait() }()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	timer := time.NewTimer(lastNotice)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
