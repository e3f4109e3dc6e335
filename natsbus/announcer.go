package natsbus

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

const (
	// announceInterval is how often a bus says how far it has come on topics where it has moved, or had moved 1, 2, 4 or 8
	// times before, since an announcement may be lost as well; and on all topics every announceAll-th time.
	announceInterval = time.Second
	announceAll      = 15
	// controlPause is the least time between two questions, and between two rounds of answers.
	controlPause = 20 * time.Millisecond
	// maxAskers bounds how many buses are answered in one round. The others ask again when they need to.
	maxAskers = 64
	// announcementTopics and announcementBytes bound one announcement.
	announcementTopics = 512
	announcementBytes  = 16 << 10
	// announcementOverhead bounds what an announcement has beside its topics.
	announcementOverhead = 128
	// controlShare bounds the part of its time that a bus spends on asking and answering: one in controlShare+1.
	controlShare = 9
)

// announcer tells the other buses how far this one has come, so that they find out about events that are missing at
// the end of a burst, and asks them the same.
type announcer struct {
	bus  *Bus
	wake chan struct{}
	quit chan struct{} // closed by end
	done chan struct{} // closed by run

	asking     atomic.Bool // a question is to be asked
	everything atomic.Bool // the next announcement is to have all topics

	mu     sync.Mutex // held while announcing; guards what Engine.Progress keeps
	buffer []byte

	askersMu sync.Mutex          // guards askers
	askers   map[[16]byte]uint64 // who waits for an answer, and to which question
}

func newAnnouncer(b *Bus) *announcer {
	return &announcer{bus: b, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), askers: make(map[[16]byte]uint64)}
}

// run announces, asks and answers until end is called.
func (a *announcer) run() {
	defer close(a.done)
	ticker := time.NewTicker(announceInterval)
	defer ticker.Stop()
	var pause <-chan time.Time
	for tick := 1; ; {
		select {
		case <-a.quit:
			return
		case <-ticker.C:
			if tick%announceAll == 0 {
				a.everything.Store(true)
			}
			tick++
			a.announce(engine.Repeating)
		case <-pause:
			pause = nil
		case <-a.wake:
		}
		if begun := time.Now(); pause == nil && a.round() {
			pause = time.After(max(controlPause, controlShare*time.Since(begun)))
		}
	}
}

// end stops the goroutine, answers who still waits, and says how far this bus has come: its last word, since it numbers nothing any
// more.
func (a *announcer) end() {
	close(a.quit)
	<-a.done
	a.round()
	a.announce(engine.Moved)
}

// round asks and answers what there is to ask and to answer, and reports whether there was anything.
func (a *announcer) round() (busy bool) {
	if !a.bus.conn.IsConnected() {
		return false // there is another one after a reconnect
	}
	if a.everything.Load() {
		a.announce(engine.Moved)
		busy = true
	}
	if a.asking.Swap(false) {
		a.ask()
		busy = true
	}
	a.askersMu.Lock()
	askers := a.askers
	a.askers = make(map[[16]byte]uint64)
	a.askersMu.Unlock()
	for asker, number := range askers {
		a.answer(asker, number)
		busy = true
	}
	return busy
}

// signal makes the goroutine look for what there is to do.
func (a *announcer) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// askSoon makes every publisher be asked how far it has come.
func (a *announcer) askSoon() {
	if !a.asking.Swap(true) {
		a.signal()
	}
}

// afterReconnect: what was announced and asked before may have been lost with the connection.
func (a *announcer) afterReconnect() {
	a.everything.Store(true)
	a.asking.Store(true)
	a.signal()
}

// asked takes a question of another bus.
func (a *announcer) asked(q question) {
	a.askersMu.Lock()
	if len(a.askers) < maxAskers || a.askers[q.Asker] != 0 {
		a.askers[q.Asker] = q.Question
	}
	a.askersMu.Unlock()
	a.signal()
}

func (a *announcer) ask() {
	if !a.wanted(askSubject) {
		return
	}
	q := question{Asker: a.bus.engine.Publisher(), Question: a.bus.engine.Ask()}
	a.mu.Lock()
	defer a.mu.Unlock()
	encoded, err := q.MarshalMsg(a.buffer[:0])
	a.buffer = encoded
	a.send(askSubject, encoded, err)
}

// answer sends one bus all topics.
func (a *announcer) answer(asker [16]byte, number uint64) {
	subject := answerPrefix + uuid.UUID(asker).String()
	if a.wanted(subject) {
		a.publish(subject, engine.Everyone, number)
	}
}

// announce tells everybody how far this bus has come on these topics, or on all if that is due.
func (a *announcer) announce(which engine.Which) {
	if !a.bus.conn.IsConnected() {
		return // after a reconnect, all is due
	}
	if a.everything.Swap(false) {
		which = engine.Everyone
	}
	if a.wanted(announceSubject) {
		a.publish(announceSubject, which, 0)
	}
}

// wanted reports whether somebody listens to the subject.
func (a *announcer) wanted(subject string) bool {
	return a.bus.server == nil || a.bus.server.Interest(subject) > 0
}

// publish sends as many announcements as the topics need.
func (a *announcer) publish(subject string, which engine.Which, number uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.bus.engine
	part := announcement{Publisher: e.Publisher(), Age: uint64(e.Age()), Question: number, Topics: make(map[string]uint64)}
	size, room := 0, min(announcementBytes, int(a.bus.conn.MaxPayload())-announcementOverhead)
	flush := func() {
		encoded, err := part.MarshalMsg(a.buffer[:0])
		a.buffer = encoded
		a.send(subject, encoded, err)
		clear(part.Topics)
		size = 0
	}
	e.Progress(which, func(topic string, sequence uint64) {
		if len(part.Topics) == announcementTopics || size+len(topic)+16 > room && len(part.Topics) > 0 {
			flush()
		}
		part.Topics[topic] = sequence
		part.Known++
		size += len(topic) + 16
	})
	if number != 0 {
		part.Last = true
		flush()
	} else if len(part.Topics) > 0 {
		flush()
	}
}

// send sends a message, which may be lost: after a reconnect, and now and then, all is said again.
func (a *announcer) send(subject string, encoded []byte, err error) {
	if err == nil {
		err = a.bus.conn.Publish(subject, encoded)
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		if !errors.Is(err, nats.ErrMaxPayload) { // which it would be again
			a.everything.Store(true)
		}
		a.bus.logger.Debug("cannot tell the other buses how far this one has come", "subject", subject, "error", err)
	}
}

// receiveControl handles a message on one of the subjects of announcements.
func (b *Bus) receiveControl(subject string, data []byte) error {
	if limit := b.engine.Options().MaxEventSize; len(data) > max(limit, 4*announcementBytes) {
		return &bus.InvalidError{Field: "message", Value: fmt.Sprint(len(data), " bytes"), Reason: "too large", Err: bus.ErrTooLarge}
	}
	if subject == askSubject {
		q, err := decodeQuestion(data)
		if err == nil {
			b.announcer.asked(q)
		}
		return err
	}
	a, err := decodeAnnouncement(data)
	if err != nil {
		return err
	}
	if uuid.UUID(a.Publisher) == b.engine.Publisher() {
		return &bus.InvalidError{Field: "publisher", Value: uuid.UUID(a.Publisher).String(), Reason: "is this bus"}
	}
	if b.engine.Announced(engine.Announcement{
		Publisher: a.Publisher, Age: time.Duration(a.Age), Topics: a.Topics, Question: a.Question, Known: a.Known, Last: a.Last,
	}) {
		b.announcer.askSoon()
	}
	return nil
}
