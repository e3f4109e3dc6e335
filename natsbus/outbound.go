package natsbus

import (
	"cmp"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/link"
)

const (
	// burstGap is how soon an event must follow what was sent last to wait for company: until the goroutine that sends has the
	// processor. No timer holds it up, and alone it does not wait at all.
	burstGap = 20 * time.Microsecond
	// maxUnsent bounds what waits to be sent where the server is in this process, in bytes. What comes then is not sent, and
	// counted: whoever listens outside must not slow down this process.
	maxUnsent = 32 << 20
	// maxHeld bounds it elsewhere, where it is the publisher that waits for the server to take more.
	maxHeld = 256 << 10
	// maxFree bounds the empty batches that are kept, a megabyte of them.
	maxFree = 64
	// maxBatchSubjects bounds the subjects that are remembered; beyond, they are made anew.
	maxBatchSubjects = 1 << 12
)

// outbound brings the events of this bus, and what it tells other buses, to the server.
//
// Plain clients get one event in a message. Other buses get batches, since a message costs more than the events in it. Who wants
// what is known exactly where the server is in this process. Elsewhere it is not: there every event goes out, in batches once it is
// known that the bus in the server's process takes them and passes their events on to plain clients (see gateway), and
// otherwise alone.
//
// A publisher leaves its event in the last batch, and a goroutine sends. While it sends, batches grow. An event that finds
// nothing before it is sent by the publisher itself, which spares it the way to the goroutine.
type outbound struct {
	bus     *Bus
	started time.Time
	gateway atomic.Bool
	away    atomic.Bool   // the connection is lost
	limit   atomic.Int64  // of the server, on the size of a message in bytes
	unsent  atomic.Uint64 // events that found no room
	wake    chan struct{} // a token: something waits

	// sending is held while something is sent, for the order in which things are, and is taken before mu.
	sending sync.Mutex
	failed  error // what nobody waited for could not be sent; under sending

	mu       sync.Mutex // guards what follows
	waiting  []*batch
	bytes    int      // in waiting
	busy     bool     // what waited before is being sent
	spare    []*batch // becomes waiting
	free     []*batch // to be used again
	event    []byte   // a buffer
	subjects map[string]string
	sent     time.Duration // when something was last sent, since started
}

func newOutbound(b *Bus) *outbound {
	return &outbound{bus: b, started: time.Now(), wake: make(chan struct{}, 1), subjects: make(map[string]string)}
}

// Send implements [engine.Outside].
func (o *outbound) Send(event *bus.Event) (push bool, err error) {
	server := o.bus.server
	if server != nil && server.Alone() {
		return false, nil
	}
	o.mu.Lock()
	subject := o.subjectLocked(event.Topic)
	idle := len(o.waiting) == 0 && !o.busy
	// Nothing is dropped unasked while something before it is on its way: who gets that may have subscribed just now, and
	// would miss this one. What is on its way is asked about when it is sent.
	if server != nil && (idle || o.bytes >= maxUnsent) {
		wanted := server.Interest(event.Topic) > 0 || server.Interest(subject) > 0
		if !wanted || !idle {
			o.mu.Unlock()
			if wanted {
				o.drop()
			}
			return false, nil
		}
	}
	encoded, err := event.MarshalMsg(o.event[:0])
	size := len(encoded)
	if server != nil || o.gateway.Load() {
		size += link.BatchOverhead
	}
	if err == nil && int64(size) > o.limit.Load() {
		err = o.bus.sendError(nats.ErrMaxPayload)
	}
	if err != nil {
		o.mu.Unlock()
		return false, err
	}
	o.event = encoded
	first := len(o.waiting) == 0
	if first || !o.waiting[len(o.waiting)-1].holds(subject, len(encoded)) {
		o.waiting = append(o.waiting, o.newBatchLocked(subject, event.Topic))
	}
	o.waiting[len(o.waiting)-1].add(encoded)
	o.bytes += len(encoded)
	push = server == nil && (o.bytes > maxHeld || o.away.Load()) || idle && time.Since(o.started)-o.sent > burstGap
	o.mu.Unlock()
	if first && !push {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
	return push, nil
}

// Push implements [engine.Outside].
func (o *outbound) Push() error { return o.flush() }

// drop counts an event that finds no room, and says it now and then.
func (o *outbound) drop() {
	n := o.unsent.Add(1)
	o.bus.overload.Do(func() {
		o.bus.logger.Warn("events come faster than the server takes them; some are not sent to other processes", "so_far", n)
	})
}

// subjectLocked returns the subject of batches of that topic.
func (o *outbound) subjectLocked(topic string) string {
	subject, ok := o.subjects[topic]
	if !ok {
		if len(o.subjects) >= maxBatchSubjects {
			clear(o.subjects)
		}
		subject = link.BatchPrefix + topic
		o.subjects[topic] = subject
	}
	return subject
}

// newBatchLocked returns an empty batch.
func (o *outbound) newBatchLocked(subject, topic string) *batch {
	var b *batch
	if n := len(o.free); n > 0 {
		b, o.free = o.free[n-1], o.free[:n-1]
	} else {
		b = &batch{message: make([]byte, 0, batchBytes)}
	}
	b.begin(subject, topic)
	return b
}

// sendWaiting sends what waits, under sending. It returns the first error; usually the others are the same.
func (o *outbound) sendWaiting() (err error) {
	o.mu.Lock()
	waiting := o.waiting
	if len(waiting) == 0 {
		o.mu.Unlock()
		return nil
	}
	o.waiting, o.spare, o.bytes, o.busy = o.spare, nil, 0, true
	o.mu.Unlock()
	for _, b := range waiting {
		err = cmp.Or(err, o.sendBatch(b))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy, o.sent = false, time.Since(o.started)
	for _, b := range waiting {
		if len(o.free) < maxFree && cap(b.message) <= batchBytes {
			o.free = append(o.free, b)
		}
	}
	clear(waiting)
	o.spare = waiting[:0]
	return err
}

// sendBatch sends a batch in the forms that somebody wants.
func (o *outbound) sendBatch(b *batch) (err error) {
	batched := o.gateway.Load()
	single := !batched
	if server := o.bus.server; server != nil {
		single, batched = server.Interest(b.topic) > 0, server.Interest(b.subject) > 0
	}
	if single {
		var failed error // the first one; the others fail likewise
		err = readBatch(b.close(), func(event []byte) {
			failed = cmp.Or(failed, o.send(b.topic, event))
		})
		err = cmp.Or(failed, err)
	}
	if batched {
		err = cmp.Or(err, o.send(b.subject, b.close()))
	}
	return err
}

// send sends one message.
func (o *outbound) send(subject string, message []byte) error {
	// nats.go copies the bytes into its own buffer before Publish returns.
	err := o.bus.conn.Publish(subject, message)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// The server takes nothing any more, and what was in the buffer is lost. nats.go would go on with this connection, and
		// make one publisher after the other wait for it. It fails only if the connection is closed.
		_ = o.bus.conn.ForceReconnect()
	}
	return o.bus.sendError(err)
}

// flush sends what waits. It also returns the error of what nobody waited for.
func (o *outbound) flush() error {
	o.sending.Lock()
	defer o.sending.Unlock()
	err := cmp.Or(o.failed, o.sendWaiting())
	o.failed = nil
	return err
}

// run sends what publishers leave. What fails is returned by the next flush.
func (o *outbound) run(stop <-chan struct{}) {
	for {
		select {
		case <-o.wake:
			o.sending.Lock()
			o.failed = cmp.Or(o.failed, o.sendWaiting())
			o.sending.Unlock()
		case <-stop:
			return
		}
	}
}

// tell sends a message to other buses, after the events that were published before.
func (o *outbound) tell(subject string, message []byte) error {
	o.sending.Lock()
	defer o.sending.Unlock()
	o.failed = cmp.Or(o.failed, o.sendWaiting())
	return o.send(subject, message)
}
