package engine

import (
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/cpu"

	"github.com/daemoneye/eventbus/bus"
)

// endedBit of queue.head says that the queue takes no more events. It shares the word with the position so that ending and
// taking are ordered: every take that succeeds after the bit was set knows it.
const endedBit = 1 << 63

// What a reader has to do after it took an event, as bits of queue.attention.
const (
	wakeWriters = 1 << iota // publishers wait for room
	watchProbe              // the probe of a half-open circuit is queued
	leaveName               // who reads is not known
)

// queue is a bounded ring of items. Writers take turns with a mutex; readers claim the item at the head by compare-and-swap,
// as does a writer that displaces the oldest item. Positions only grow:
//
//	tail              = events accepted
//	head              = events taken out, by readers, by displacement, or discarded at the end
//	matched           = tail + refused
//	delivered         = head - displaced - discarded
//	dropped           = refused + displaced + discarded
//	queued            = tail - head
//
// where refused is what drops counts under the other causes.
type queue struct {
	slots   []atomic.Pointer[Item] // a power of two of them
	mask    uint64
	limit   uint64 // at most len(slots)
	policy  bus.OverflowPolicy
	changed func() // called without the lock when a reader has closed the circuit

	ready chan struct{} // one token: something may be there to take

	_    cpu.CacheLinePad // what one side writes all the time does not share a cache line with what the other side reads
	head atomic.Uint64
	seen atomic.Uint64 // a former tail: readers look at the tail only when they have come to it

	_         cpu.CacheLinePad
	sleepers  atomic.Int32  // readers that want the token
	selecting atomic.Bool   // one of the sleepers is a select statement, for good
	attention atomic.Uint32 // what readers have to do, to be looked at without the lock
	slow      atomic.Bool   // a warning about the receiver is due

	_         cpu.CacheLinePad
	tail      atomic.Uint64 // written under mu
	mu        sync.Mutex    // guards what follows, and writing to tail and slots
	passed    uint64        // a former head: writers look at the head only when they seem to need the room
	ended     bool
	drops     bus.Drops
	lost      uint64
	bytes     uint64 // of matched events
	highWater uint64
	breaker   *breaker          // nil under another policy
	waiters   []chan<- struct{} // of publishers that wait for room, each with a buffer of one

	full      bool          // an event has found no room, and the queue was not down to half since
	fullSince time.Duration // on the bus's clock, if full
	warned    time.Duration // when a warning was last due
	unknown   bool          // who reads is not known, or may have changed
	reader    uint64        // ID of the goroutine that was last known to read; 0: none
	waitsIn   string        // where it was when it was looked at

	drained chan struct{} // closed when the queue has ended and is empty
	after   *totals       // set with endedBit: where later takes are counted
}

// newQueue returns a queue. circuit matters under the policy BreakCircuit only.
func newQueue(limit int, policy bus.OverflowPolicy, circuit bus.CircuitBreak) *queue {
	size := uint64(1) << bits.Len(uint(limit-1))
	q := &queue{
		slots: make([]atomic.Pointer[Item], size), mask: size - 1, limit: uint64(limit), policy: policy,
		changed: func() {}, unknown: true, warned: -slowInterval,
		ready: make(chan struct{}, 1), drained: make(chan struct{}),
	}
	if policy == bus.BreakCircuit {
		q.breaker = newBreaker(circuit)
	}
	q.attendLocked()
	return q
}

// outcome is what became of an offered event.
type outcome int

const (
	settled outcome = iota // queued
	notable                // queued or dropped, and there is something to tell: a drop, or a change of the circuit
	full                   // block policy and no room: nothing was done or counted
	ended                  // the queue takes no more events: nothing was counted
)

// offer puts an event into the queue as its policy says.
func (q *queue) offer(item *Item) outcome {
	q.mu.Lock()
	result := q.offerLocked(item)
	q.mu.Unlock()
	return result
}

// offerRemote is offer for an event whose publisher cannot be made to wait: without room it is refused under every policy
// but drop-oldest.
func (q *queue) offerRemote(item *Item) outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	result := q.offerLocked(item)
	if result == full {
		return q.refuseLocked(item, &q.drops.Remote)
	}
	return result
}

// offerOrWait is offer, but leaves wake behind if the queue is full: it gets a token when there may be room.
func (q *queue) offerOrWait(item *Item, wake chan<- struct{}) outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	result := q.offerLocked(item)
	if result != full {
		return result
	}
	if !slices.Contains(q.waiters, wake) {
		q.waiters = append(q.waiters, wake)
		q.attendLocked()
	}
	// A reader that made room before it could see the waiter has not woken it.
	if result = q.offerLocked(item); result != full {
		q.removeWaiterLocked(wake)
	}
	return result
}

// abandon ends the wait for room: the event gets in now or is refused.
func (q *queue) abandon(item *Item, wake chan<- struct{}) outcome {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.removeWaiterLocked(wake)
	result := q.offerLocked(item)
	if result == full {
		q.refuseLocked(item, &q.drops.Timeout)
	}
	return result
}

func (q *queue) refuseLocked(item *Item, cause *uint64) outcome {
	*cause++
	q.bytes += item.size
	return notable
}

func (q *queue) offerLocked(item *Item) outcome {
	if q.ended {
		return ended
	}
	tail := q.tail.Load()
	result := settled
	if q.breaker != nil && q.breaker.state != bus.CircuitClosed {
		room := tail-q.head.Load() < q.limit
		if !q.breaker.admits(item.arrived, room, tail) {
			if !room {
				q.noteFullLocked(item.arrived)
			}
			return q.refuseLocked(item, &q.drops.Circuit)
		}
		result = notable
		q.attendLocked() // before the probe can be taken
	}
	for tail-q.passed >= q.highWater || q.full {
		head := q.head.Load()
		used := tail - head
		if used < q.limit {
			if q.full && result == settled && used <= q.limit/2 { // and it was not this writer who made room
				q.full = false
			}
			q.passed = head
			q.highWater = max(q.highWater, used+1)
			break
		}
		q.noteFullLocked(item.arrived)
		switch q.policy {
		case bus.DropNewest:
			return q.refuseLocked(item, &q.drops.Overflow)
		case bus.BreakCircuit:
			q.breaker.overflow(item.arrived)
			return q.refuseLocked(item, &q.drops.Overflow)
		case bus.DropOldest:
			// If a reader was faster there is room now.
			if q.head.CompareAndSwap(head, head+1) {
				q.drops.Displaced++
				result = notable
			}
		default:
			return full
		}
	}
	q.bytes += item.size
	q.slots[tail&q.mask].Store(item)
	q.tail.Store(tail + 1)
	// After the store: a reader either sees the event when it looks again before it sleeps, or is counted here.
	if q.sleepers.Load() > 0 {
		q.signal()
	}
	return result
}

// noteFullLocked remembers since when the queue is kept full, and that it is time to say so.
func (q *queue) noteFullLocked(now time.Duration) {
	if !q.full {
		q.full, q.fullSince = true, now
		q.unknown = true // who reads may have changed since it was asked last
		q.attendLocked()
	}
	if now-q.fullSince >= slowAfter && now-q.warned >= slowInterval {
		q.warned = now
		q.slow.Store(true)
	}
}

// stillFull is for a publisher that has been waiting for a while.
func (q *queue) stillFull(now time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full {
		q.noteFullLocked(now)
	}
}

// lose counts events that did not reach this process, and reports whether anybody is left to be told.
func (q *queue) lose(count uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return false
	}
	q.lost += count
	return true
}

func (q *queue) removeWaiterLocked(wake chan<- struct{}) {
	q.waiters = slices.DeleteFunc(q.waiters, func(w chan<- struct{}) bool { return w == wake })
	q.attendLocked()
}

// attendLocked tells readers what they have to do.
func (q *queue) attendLocked() {
	var attention uint32
	if len(q.waiters) > 0 {
		attention |= wakeWriters
	}
	if q.breaker != nil && q.breaker.state == bus.CircuitHalfOpen {
		attention |= watchProbe
	}
	if q.unknown {
		attention |= leaveName
	}
	q.attention.Store(attention)
}

// take returns the oldest event, or nil and whether the queue has ended.
func (q *queue) take() (event *bus.Event, over bool) {
	for {
		head := q.head.Load()
		position := head &^ endedBit
		tail := q.seen.Load()
		if position >= tail {
			if tail = q.tail.Load(); position == tail {
				return nil, head != position
			}
			q.seen.Store(tail)
		}
		slot := &q.slots[position&q.mask]
		item := slot.Load()
		if !q.head.CompareAndSwap(head, head+1) {
			continue
		}
		// Let go of the event, unless a writer has already put another one there.
		slot.CompareAndSwap(item, nil)
		if head != position {
			q.after.delivered.Add(1)
			if position+1 == q.tail.Load() {
				close(q.drained)
			}
		}
		if q.attention.Load() != 0 {
			q.attend()
		}
		return &item.Event, false
	}
}

// attend does what a reader has to do: it wakes every publisher that waits (those that find no room wait again), closes the
// circuit if it took the probe, and leaves its name.
func (q *queue) attend() {
	q.mu.Lock()
	q.wakeWaitersLocked()
	closed := q.breaker != nil && q.breaker.taken(q.head.Load()&^endedBit)
	if q.unknown {
		q.unknown = false
		q.reader = goroutineID()
	}
	q.attendLocked()
	q.mu.Unlock()
	if closed {
		q.changed()
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

func (q *queue) wakeWaitersLocked() {
	for _, wake := range q.waiters {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	q.waiters = q.waiters[:0]
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
	sums.delivered.Add(head - q.drops.Displaced)
	sums.add(tail+q.refusedLocked(), q.lost, q.drops)
	if head == tail {
		close(q.drained)
	}
	q.wakeWaitersLocked()
	q.attendLocked()
	q.signal()
}

// refusedLocked is the number of events that never were in the queue.
func (q *queue) refusedLocked() uint64 { return q.drops.Total() - q.drops.Displaced - q.drops.Shutdown }

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
			q.drops.Shutdown += n
			q.after.add(0, 0, bus.Drops{Shutdown: n})
			for i := range q.slots {
				q.slots[i].Store(nil)
			}
			close(q.drained)
			q.signal()
			return n
		}
	}
}

func (q *queue) statistics(now time.Duration) bus.SubscriptionStatistics {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Readers may go on meanwhile; one reading of the head makes the snapshot whole all the same.
	head, tail := q.head.Load()&^endedBit, q.tail.Load()
	statistics := bus.SubscriptionStatistics{
		Matched:       tail + q.refusedLocked(),
		MatchedBytes:  q.bytes,
		Delivered:     head - q.drops.Displaced - q.drops.Shutdown,
		Dropped:       q.drops.Total(),
		Drops:         q.drops,
		Lost:          q.lost,
		Queued:        tail - head,
		QueueCapacity: int(q.limit),
		HighWater:     q.highWater,
		Overflow:      q.policy,
		WaitsIn:       q.waitsIn,
	}
	if oldest := q.slots[head&q.mask].Load(); head != tail && oldest != nil {
		statistics.Lag = max(0, now-oldest.arrived)
	}
	if q.full && tail-head > q.limit/2 {
		statistics.FullFor = max(0, now-q.fullSince)
	}
	if q.breaker != nil {
		statistics.Circuit, statistics.CircuitOpened = q.breaker.state, q.breaker.opened
	}
	return statistics
}
