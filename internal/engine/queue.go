package engine

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/daemoneye/eventbus/bus"
)

// endedBit of queue.head says that the queue takes no more events. It shares the word with the position so that ending and
// taking are ordered: every take that succeeds after the bit was set knows it.
const endedBit = 1 << 63

// queue is a bounded ring of events. Writers take turns with a mutex; readers claim the event at the head by compare-and-swap,
// as does a writer that displaces the oldest event. Positions only grow:
//
//	tail              = events accepted
//	head              = events taken out, by readers, by displacement, or discarded at the end
//	matched           = tail + refused
//	delivered         = head - displaced - discarded
//	dropped           = refused + displaced + discarded
//	queued            = tail - head
type queue struct {
	slots  []atomic.Pointer[bus.Event] // a power of two of them
	mask   uint64
	limit  uint64 // at most len(slots)
	policy bus.OverflowPolicy

	head atomic.Uint64
	tail atomic.Uint64 // written under mu

	ready     chan struct{} // one token: something may be there to take
	sleepers  atomic.Int32  // readers that want the token
	selecting atomic.Bool   // one of the sleepers is a select statement, for good
	blocked   atomic.Int32  // len(waiters), for readers to look at without the lock

	mu        sync.Mutex // guards what follows, and writing to tail and slots
	ended     bool
	refused   uint64
	displaced uint64
	discarded uint64
	waiters   []chan<- struct{} // of publishers that wait for room, each with a buffer of one

	drained chan struct{} // closed when the queue has ended and is empty
	after   *totals       // set with endedBit: where later takes are counted
}

func newQueue(limit int, policy bus.OverflowPolicy) *queue {
	size := uint64(1) << bits.Len(uint(limit-1))
	return &queue{
		slots: make([]atomic.Pointer[bus.Event], size), mask: size - 1, limit: uint64(limit), policy: policy,
		ready: make(chan struct{}, 1), drained: make(chan struct{}),
	}
}

// outcome is what became of an offered event.
type outcome int

const (
	settled outcome = iota // queued, or dropped by policy and counted
	full                   // block policy and no room: nothing was done or counted
	ended                  // the queue takes no more events: nothing was counted
)

// offer puts an event into the queue as its policy says.
func (q *queue) offer(event *bus.Event) outcome {
	q.mu.Lock()
	result := q.offerLocked(event)
	q.mu.Unlock()
	return result
}

// offerRemote is offer for an event whose publisher cannot be made to wait: without room it is refused under every policy
// but drop-oldest.
func (q *queue) offerRemote(event *bus.Event) outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	result := q.offerLocked(event)
	if result == full {
		q.refused++
		result = settled
	}
	return result
}

// offerOrWait is offer, but leaves wake behind if the queue is full: it gets a token when there may be room.
func (q *queue) offerOrWait(event *bus.Event, wake chan<- struct{}) outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	result := q.offerLocked(event)
	if result != full {
		return result
	}
	if !slices.Contains(q.waiters, wake) {
		q.waiters = append(q.waiters, wake)
		q.blocked.Store(int32(len(q.waiters)))
	}
	// A reader that made room before it could see the waiter has not woken it.
	if result = q.offerLocked(event); result != full {
		q.removeWaiterLocked(wake)
	}
	return result
}

// abandon ends the wait for room: the event gets in now or is refused.
func (q *queue) abandon(event *bus.Event, wake chan<- struct{}) outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.removeWaiterLocked(wake)
	result := q.offerLocked(event)
	if result == full {
		q.refused++
	}
	return result
}

func (q *queue) offerLocked(event *bus.Event) outcome {
	if q.ended {
		return ended
	}
	tail := q.tail.Load()
	for {
		head := q.head.Load()
		if tail-head < q.limit {
			break
		}
		switch q.policy {
		case bus.DropNewest:
			q.refused++
			return settled
		case bus.DropOldest:
			// If a reader was faster there is room now.
			if q.head.CompareAndSwap(head, head+1) {
				q.displaced++
			}
		default:
			return full
		}
	}
	q.slots[tail&q.mask].Store(event)
	q.tail.Store(tail + 1)
	// After the store: a reader either sees the event when it looks again before it sleeps, or is counted here.
	if q.sleepers.Load() > 0 {
		q.signal()
	}
	return settled
}

func (q *queue) removeWaiterLocked(wake chan<- struct{}) {
	q.waiters = slices.DeleteFunc(q.waiters, func(w chan<- struct{}) bool { return w == wake })
	q.blocked.Store(int32(len(q.waiters)))
}

// take returns the oldest event, or nil and whether the queue has ended.
func (q *queue) take() (event *bus.Event, over bool) {
	for {
		head := q.head.Load()
		position := head &^ endedBit
		tail := q.tail.Load()
		if position == tail {
			return nil, head != position
		}
		slot := &q.slots[position&q.mask]
		event = slot.Load()
		if !q.head.CompareAndSwap(head, head+1) {
			continue
		}
		// Let go of the event, unless a writer has already put another one there.
		slot.CompareAndSwap(event, nil)
		if head != position {
			q.after.delivered.Add(1)
			if position+1 == tail {
				close(q.drained)
			}
		} else if q.blocked.Load() > 0 {
			q.wakeWaiters()
		}
		return event, false
	}
}

// pending reports whether take has something to return.
func (q *queue) pending() bool {
	head := q.head.Load()
	return head&endedBit != 0 || head != q.tail.Load()
}

// signal leaves a token for one sleeper.
func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// wakeWaiters wakes every publisher that waits: those that find no room wait again.
func (q *queue) wakeWaiters() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wakeWaitersLocked()
}

func (q *queue) wakeWaitersLocked() {
	for _, wake := range q.waiters {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	q.waiters = q.waiters[:0]
	q.blocked.Store(0)
}

// end stops intake and moves the counters to sums, where what readers still take is counted from now on. It
// must be called once.
func (q *queue) end(sums *totals) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.after = sums
	head := q.head.Load()
	for !q.head.CompareAndSwap(head, head|endedBit) {
		head = q.head.Load()
	}
	tail := q.tail.Load()
	sums.matched.Add(tail + q.refused)
	sums.dropped.Add(q.refused + q.displaced)
	sums.delivered.Add(head - q.displaced)
	if head == tail {
		close(q.drained)
	}
	q.wakeWaitersLocked()
	q.signal()
}

// discard drops what is queued after end, and returns how much it was.
func (q *queue) discard() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	tail := q.tail.Load()
	for {
		head := q.head.Load()
		position := head &^ endedBit
		if position == tail {
			return 0
		}
		if q.head.CompareAndSwap(head, tail|endedBit) {
			n := tail - position
			q.discarded += n
			q.after.dropped.Add(n)
			for i := range q.slots {
				q.slots[i].Store(nil)
			}
			close(q.drained)
			q.signal()
			return n
		}
	}
}

func (q *queue) statistics() bus.SubscriptionStatistics {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Readers may go on meanwhile; one reading of the head makes the snapshot whole all the same.
	head, tail := q.head.Load()&^endedBit, q.tail.Load()
	return bus.SubscriptionStatistics{
		Matched:       tail + q.refused,
		Delivered:     head - q.displaced - q.discarded,
		Dropped:       q.refused + q.displaced + q.discarded,
		Queued:        tail - head,
		QueueCapacity: int(q.limit),
		Overflow:      q.policy,
	}
}

// totals sums up the counters of ended subscriptions.
type totals struct {
	matched, delivered, dropped atomic.Uint64
}
