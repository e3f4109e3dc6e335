package natsbus

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/link"
)

const (
	// burstGap is how soon an event must follow what was sent last for it to wait for company. It waits until the goroutine that
	// sends has the processor, or until the batch is full: no timer holds it up, and alone it does not wait at all.
	burstGap = 20 * time.Microsecond
	// maxBatchSubjects bounds the subjects that are remembered; beyond, they are made anew.
	maxBatchSubjects = 1 << 12
)

// outbound brings the events of this bus, and what it tells other buses, to the server.
//
// Plain clients get one event in a message. Other buses get batches, since a message costs more than the events in it. Who wants
// what is known exactly where the server is in this process. Elsewhere it is not: there every event goes out, in batches once it is
// known that the bus in the server's process takes them and passes their events on to plain clients (see gateway), and
// otherwise alone.
type outbound struct {
	bus     *Bus
	started time.Time
	gateway atomic.Bool
	wake    chan struct{} // a token: something waits in the batch

	mu       sync.Mutex // guards what follows, and the order in which things are sent
	event    []byte     // a buffer
	batch    batch
	subjects map[string]string // of batches, by topic
	sent     time.Duration     // when a batch was last sent, since started
	failed   error             // a batch that nobody waited for could not be sent
}

func newOutbound(b *Bus) *outbound {
	return &outbound{bus: b, started: time.Now(), wake: make(chan struct{}, 1), subjects: make(map[string]string)}
}

// Send implements [engine.Outside].
func (o *outbound) Send(event *bus.Event) error {
	server := o.bus.server
	if server != nil && server.Alone() {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	subject := o.batchSubject(event.Topic)
	var single, batched bool
	if server != nil {
		single, batched = server.Interest(event.Topic) > 0, server.Interest(subject) > 0
	} else {
		batched = o.gateway.Load()
		single = !batched
	}
	if !single && !batched {
		return nil
	}
	encoded, err := event.MarshalMsg(o.event[:0])
	if err != nil {
		return err
	}
	o.event = encoded
	if single {
		err = o.sendLocked(event.Topic, encoded)
	}
	if batched {
		err = errors.Join(err, o.joinLocked(subject, encoded))
	}
	return err
}

// batchSubject returns the subject of batches of that topic.
func (o *outbound) batchSubject(topic string) string {
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

// joinLocked adds an event to the batch, and sees to it that the batch is sent.
func (o *outbound) joinLocked(subject string, event []byte) error {
	var err error
	if !o.batch.holds(subject, len(event)) {
		err = o.flushLocked()
	}
	o.batch.add(subject, event)
	switch {
	case len(o.batch.message) >= batchBytes:
		err = errors.Join(err, o.flushLocked())
	case o.batch.events > 1:
	case time.Since(o.started)-o.sent > burstGap:
		err = errors.Join(err, o.flushLocked())
	default:
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
	return err
}

// sendLocked sends a message after the events that wait.
func (o *outbound) sendLocked(subject string, message []byte) error {
	if o.batch.events > 0 && o.bus.server == nil {
		if err := o.flushLocked(); err != nil {
			return err
		}
	}
	// nats.go copies the bytes into its own buffer before Publish returns.
	err := o.bus.conn.Publish(subject, message)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// The server takes nothing any more, and what was in the buffer is lost. nats.go would go on with this connection, and
		// make one publisher after the other wait for it. It fails only if the connection is closed.
		_ = o.bus.conn.ForceReconnect()
	}
	return o.bus.sendError(err)
}

// flushLocked sends the batch.
func (o *outbound) flushLocked() error {
	failed := o.failed
	o.failed = nil
	if o.batch.events == 0 {
		return failed
	}
	subject, message := o.batch.take()
	err := o.sendLocked(subject, message)
	o.sent = time.Since(o.started)
	return errors.Join(failed, err)
}

// flush sends what waits.
func (o *outbound) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.flushLocked()
}

// run sends batches that nobody else sends. What fails is returned by the next call that sends.
func (o *outbound) run(stop <-chan struct{}) {
	for {
		select {
		case <-o.wake:
			o.mu.Lock()
			o.failed = o.flushLocked()
			o.mu.Unlock()
		case <-stop:
			return
		}
	}
}

// tell sends a message to other buses, after the events that were published before.
func (o *outbound) tell(subject string, message []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.flushLocked(); err != nil {
		return err
	}
	return o.sendLocked(subject, message)
}

// pass sends an event of another bus to plain clients.
func (o *outbound) pass(topic string, event []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sendLocked(topic, event)
}
