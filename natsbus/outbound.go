package natsbus

import (
	"cmp"
	"context"
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
	// eventMemory is about what an event takes in memory beside its wire form, in bytes.
	eventMemory = 512
	// maxAtOnce bounds how many events are sent before it is asked again who wants them.
	maxAtOnce = 64
	// maxBatchSubjects bounds the subjects that are remembered; beyond, they are made anew.
	maxBatchSubjects = 1 << 12
)

// outbound brings the events of this bus, and what it tells other buses, to the server.
//
// Plain clients get one event in a message. Other buses get batches, since a message costs more than the events in it. Who wants
// what is known exactly where the server is in this process. Elsewhere it is not: there every event goes out, in batches to an
// embedded server, whose bus passes them on (see gate), and otherwise alone.
//
// A publisher leaves its event in a list, and a goroutine encodes and sends. While it sends, the list grows, and with it the next
// batches. An event that finds nothing before it is sent by the publisher itself, which spares it the way to the goroutine.
type outbound struct {
	bus     *Bus
	started time.Time
	batches atomic.Bool            // the server's bus takes them
	uplink  atomic.Pointer[string] // stands before every subject
	away    atomic.Bool            // the connection is lost
	limit   atomic.Int64           // of the server, on the size of a message in bytes
	held    atomic.Int64           // bytes of memory of what waits and of what is being sent
	unsent  atomic.Uint64          // events that somebody wanted and that were not sent
	wake    chan struct{}          // a token: something waits

	// sending is full while something is sent, for the order in which things are. It is taken before mu.
	sending chan struct{}
	failed  error // what nobody waited for could not be sent; under sending
	batch   batch // a buffer; under sending

	mu       sync.Mutex // guards what follows
	waiting  []outgoing
	spare    []outgoing    // becomes waiting
	sent     time.Duration // when something was last sent, since started
	subjects map[string]string
}

// outgoing is an event that waits. Nobody changes it any more.
type outgoing struct {
	event *bus.Event
	bytes int64 // of memory
}

func newOutbound(b *Bus) *outbound {
	o := &outbound{bus: b, started: time.Now(), wake: make(chan struct{}, 1), sending: make(chan struct{}, 1), subjects: make(map[string]string)}
	o.uplink.Store(new(string))
	return o
}

// adapt sets what stands before every subject, and whether there are batches.
func (o *outbound) adapt(uplink string, batches bool) {
	o.uplink.Store(&uplink)
	o.batches.Store(batches)
}

// Send implements [engine.Outside].
func (o *outbound) Send(event *bus.Event) (push bool, err error) {
	if server := o.bus.server; server != nil {
		// Nothing is dropped unasked while something before it is on its way: who gets that may have subscribed just now, and
		// would miss this one. What is on its way is asked about when it is sent.
		held := o.held.Load()
		switch {
		case held == 0 && (server.Alone() || !o.demand(event.Topic).any()):
			return false, nil
		case held >= maxUnsent:
			o.drop(1, nil)
			return false, nil
		}
	}
	size := event.Msgsize()
	if err := o.checkSize(event, size); err != nil {
		return false, err
	}
	return o.leave(outgoing{event, int64(size + eventMemory)}), nil
}

// checkSize returns an error if no message can hold the event, whose size is at most the one given.
func (o *outbound) checkSize(event *bus.Event, most int) error {
	limit := o.limit.Load()
	if int64(most+link.BatchOverhead) <= limit {
		return nil
	}
	encoded, err := event.MarshalMsg(nil)
	if err != nil {
		return err
	}
	size := len(encoded)
	if o.bus.server != nil || o.batches.Load() {
		size += link.BatchOverhead
	}
	if int64(size) > limit {
		return o.bus.sendError(nats.ErrMaxPayload)
	}
	return nil
}

// leave puts an event behind what waits. It returns true if the publisher should see to it that it is sent.
func (o *outbound) leave(out outgoing) (push bool) {
	o.mu.Lock()
	idle := o.held.Add(out.bytes) == out.bytes
	first := len(o.waiting) == 0
	o.waiting = append(o.waiting, out)
	push = idle && time.Since(o.started)-o.sent > burstGap
	o.mu.Unlock()
	if !push && o.bus.server == nil {
		push = o.held.Load() > maxHeld || o.away.Load()
	}
	if first && !push {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
	return push
}

// Push implements [engine.Outside].
func (o *outbound) Push() error {
	o.sending <- struct{}{}
	defer o.release()
	return o.sendWaiting()
}

func (o *outbound) release() { <-o.sending }

// drop counts events that were not sent, and says it now and then. err is why, nil if they found no room.
func (o *outbound) drop(events uint64, err error) {
	n := o.unsent.Add(events)
	o.bus.overload.Do(func() {
		if err == nil {
			o.bus.logger.Warn("events come faster than the server takes them; some are not sent to other processes", "so_far", n)
			return
		}
		o.bus.logger.Warn("events cannot be sent to other processes", "so_far", n, "error", err)
	})
}

// demand is in which forms somebody outside wants the events of a topic.
type demand struct{ single, batched bool }

func (d demand) any() bool { return d.single || d.batched }

func (o *outbound) demand(topic string) demand {
	if server := o.bus.server; server != nil {
		return demand{single: server.Interest(topic) > 0, batched: server.Interest(o.batchSubject(topic)) > 0}
	}
	batched := o.batches.Load()
	return demand{single: !batched, batched: batched}
}

// batchSubject returns the subject of batches of a topic.
func (o *outbound) batchSubject(topic string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	subject, ok := o.subjects[topic]
	if !ok {
		if len(o.subjects) >= maxBatchSubjects {
			clear(o.subjects)
		}
		subject = link.BatchPrefix + topic
		// The key must not keep the event that has the topic.
		o.subjects[subject[len(link.BatchPrefix):]] = subject
	}
	return subject
}

// sendWaiting sends what waits, under sending. It returns the first error; usually the others are the same.
func (o *outbound) sendWaiting() (err error) {
	o.mu.Lock()
	waiting := o.waiting
	o.waiting, o.spare = o.spare, nil
	o.mu.Unlock()
	for rest := waiting; len(rest) > 0; {
		n, failed := o.sendSome(rest)
		err = cmp.Or(err, failed)
		var bytes int64
		for _, out := range rest[:n] {
			bytes += out.bytes
		}
		o.held.Add(-bytes)
		rest = rest[n:]
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(waiting) > 0 {
		o.sent = time.Since(o.started)
	}
	clear(waiting)
	o.spare = waiting[:0]
	return err
}

// sendSome sends the first events that have one topic and fit in a batch, in the forms that somebody wants, and returns how many
// they were.
func (o *outbound) sendSome(events []outgoing) (n int, err error) {
	topic := events[0].event.Topic
	wanted := o.demand(topic)
	limit := min(batchBytes, int(o.limit.Load()))
	single := func(encoded []byte) {
		if wanted.single {
			if failed := o.send(topic, encoded); failed != nil {
				o.drop(1, failed)
				err = cmp.Or(err, failed)
			}
		}
	}
	o.batch.begin()
	for n < len(events) && n < maxAtOnce && events[n].event.Topic == topic {
		if !wanted.any() {
			n++
			continue
		}
		encoded, failed := o.batch.encode(events[n].event, !wanted.single)
		if failed == nil && n > 0 && len(o.batch.message) > limit {
			o.batch.takeBack(encoded)
			break
		}
		n++
		if failed != nil {
			o.drop(1, failed)
			err = cmp.Or(err, failed)
			continue
		}
		single(encoded)
	}
	if wanted.batched && o.batch.events > 0 {
		if failed := o.send(o.batchSubject(topic), o.batch.close()); failed != nil {
			o.drop(uint64(o.batch.events), failed)
			err = cmp.Or(err, failed)
		}
	}
	return n, err
}

// send sends one message.
func (o *outbound) send(subject string, message []byte) error {
	// nats.go copies the bytes into its own buffer before Publish returns.
	err := o.bus.conn.Publish(*o.uplink.Load()+subject, message)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// The server takes nothing any more, and what was in the buffer is lost. nats.go would go on with this connection, and
		// make one publisher after the other wait for it. It fails only if the connection is closed.
		_ = o.bus.conn.ForceReconnect()
	}
	return o.bus.sendError(err)
}

// flush sends what waits, unless ctx ends before its turn. It also returns the error of what nobody waited for.
func (o *outbound) flush(ctx context.Context) error {
	select {
	case o.sending <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer o.release()
	err := cmp.Or(o.failed, o.sendWaiting())
	o.failed = nil
	return err
}

// run sends what publishers leave. What fails is returned by the next flush.
func (o *outbound) run(stop <-chan struct{}) {
	for {
		select {
		case <-o.wake:
			o.sending <- struct{}{}
			o.failed = cmp.Or(o.failed, o.sendWaiting())
			o.release()
		case <-stop:
			return
		}
	}
}

// tell sends a message to other buses, after the events that were published before.
func (o *outbound) tell(subject string, message []byte) error {
	o.sending <- struct{}{}
	defer o.release()
	o.failed = cmp.Or(o.failed, o.sendWaiting())
	return o.send(subject, message)
}
