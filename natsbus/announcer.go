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
	// times before, since an announcement may be lost as well.
	announceInterval = time.Second
	// askBusy and askIdle are after how many of these intervals a bus with subscriptions asks, because publishers may have said
	// their last word in vain: askBusy if events have come since it last asked.
	askBusy, askIdle = 5, 30
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
	received   uint64      // events when the last question was asked; of run

	mu     sync.Mutex // held while announcing; guards what Engine.Progress keeps
	buffer []byte

	askersMu sync.Mutex                // guards askers
	askers   map[[16]byte]openQuestion // by who asked
}

// openQuestion is one that waits for its answer.
type openQuestion struct {
	number uint64
	came   time.Time
}

func newAnnouncer(b *Bus) *announcer {
	return &announcer{bus: b, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), askers: make(map[[16]byte]openQuestion)}
}

// run announces, asks and answers until end is called.
func (a *announcer) run() {
	defer close(a.done)
	ticker := time.NewTicker(announceInterval)
	defer ticker.Stop()
	var pause <-chan time.Time
	a.everything.Store(true) // it introduces itself, so that others ask when it started
	a.signal()
	for tick := 1; ; {
		select {
		case <-a.quit:
			return
		case <-ticker.C:
			if a.bus.subscribed.Load() && (tick%askIdle == 0 || tick%askBusy == 0 && a.bus.engine.Received() != a.received) {
				a.asking.Store(true)
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
	if a.bus.conn.IsConnected() && a.wanted(announceSubject) {
		a.publish(announceSubject, announcement{Final: true}, engine.Everyone)
	}
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
	a.askers = make(map[[16]byte]openQuestion)
	a.askersMu.Unlock()
	for asker, question := range askers {
		a.answer(asker, question)
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
	if _, again := a.askers[q.Asker]; again || len(a.askers) < maxAskers {
		a.askers[q.Asker] = openQuestion{q.Question, time.Now()}
	}
	a.askersMu.Unlock()
	a.signal()
}

func (a *announcer) ask() {
	if !a.wanted(askSubject) {
		return
	}
	q := question{Asker: a.bus.engine.Publisher(), Question: a.bus.engine.Ask()}
	a.received = a.bus.engine.Received()
	a.mu.Lock()
	defer a.mu.Unlock()
	encoded, err := q.MarshalMsg(a.buffer[:0])
	a.buffer = encoded
	a.send(askSubject, encoded, err)
}

// answer sends one bus all topics of this one, and of those that can answer no more. Ages are those of the moment at which the
// question came: the less time has passed since it was asked, the better the asker knows when a publisher started.
func (a *announcer) answer(asker [16]byte, question openQuestion) {
	subject := answerPrefix + uuid.UUID(asker).String()
	if !a.wanted(subject) {
		return
	}
	waited := time.Since(question.came)
	a.publish(subject, announcement{Question: question.number, Age: uint64(a.bus.engine.Age() - waited)}, engine.Everyone)
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, word := range a.bus.lastWords.all() {
		if word.publisher == uuid.UUID(asker) {
			continue // it has asked, and ended before the answer
		}
		head := announcement{Publisher: word.publisher, Age: uint64(word.ageAt(question.came)), Question: question.number}
		a.tellLocked(subject, head, true, func(yield func(string, uint64)) {
			for topic, sequence := range word.topics {
				yield(topic, sequence)
			}
		})
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
		a.publish(announceSubject, announcement{}, which)
	}
}

// wanted reports whether somebody listens to the subject.
func (a *announcer) wanted(subject string) bool {
	return a.bus.server == nil || a.bus.server.Interest(subject) > 0
}

// publish tells how far this bus has come.
func (a *announcer) publish(subject string, head announcement, which engine.Which) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.bus.engine
	head.Publisher = e.Publisher()
	if head.Age == 0 {
		head.Age = uint64(e.Age())
	}
	a.tellLocked(subject, head, which == engine.Everyone, func(yield func(string, uint64)) { e.Progress(which, yield) })
}

// tellLocked sends as many announcements as the topics need. always sends one without any, too: it says that the publisher is there.
func (a *announcer) tellLocked(subject string, head announcement, always bool, topics func(yield func(topic string, sequence uint64))) {
	head.Topics = make(map[string]uint64)
	whole := head.Question != 0 || head.Final
	size, room := 0, min(announcementBytes, int(a.bus.conn.MaxPayload())-announcementOverhead)
	flush := func() {
		encoded, err := head.MarshalMsg(a.buffer[:0])
		a.buffer = encoded
		a.send(subject, encoded, err)
		clear(head.Topics)
		size = 0
	}
	topics(func(topic string, sequence uint64) {
		if len(head.Topics) == announcementTopics || size+len(topic)+16 > room && len(head.Topics) > 0 {
			flush()
		}
		head.Topics[topic] = sequence
		if whole {
			head.Known++
		}
		size += len(topic) + 16
	})
	head.Last = whole
	if len(head.Topics) > 0 || always {
		flush()
	}
}

// send sends a message, which may be lost: after a reconnect, and now and then, all is said again.
func (a *announcer) send(subject string, encoded []byte, err error) {
	if err == nil {
		err = a.bus.outbound.tell(subject, encoded)
	}
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		if !errors.Is(err, nats.ErrMaxPayload) { // which it would be again
			a.everything.Store(true)
		}
		a.bus.logger.Debug("cannot tell the other buses how far this one has come", "subject", subject, "error", err)
	}
}

// receiveControl handles a message on one of the subjects of announcements, if it is about the bus with that publisher ID; the zero
// ID is any. role is its role, where that is known. What is this bus's own, as an embedded server gives it back, is ignored.
func (b *Bus) receiveControl(role, subject string, data []byte, publisher uuid.UUID) error {
	if limit := b.engine.Options().MaxEventSize; len(data) > max(limit, 4*announcementBytes) {
		return &bus.InvalidError{Field: "message", Value: fmt.Sprint(len(data), " bytes"), Reason: "too large", Err: bus.ErrTooLarge}
	}
	if subject == askSubject {
		q, err := decodeQuestion(data)
		if err == nil {
			err = isFrom(q.Asker, publisher)
		}
		if err == nil && uuid.UUID(q.Asker) != b.engine.Publisher() {
			b.announcer.asked(q)
		}
		return err
	}
	a, err := decodeAnnouncement(data)
	if err == nil {
		err = isFrom(a.Publisher, publisher)
	}
	if err == nil && b.gate != nil {
		err = b.gate.announces(role, a.Topics)
	}
	if err != nil || uuid.UUID(a.Publisher) == b.engine.Publisher() {
		return err
	}
	ask := b.engine.Announced(engine.Announcement{
		Publisher: a.Publisher, Age: time.Duration(a.Age), Topics: a.Topics, Question: a.Question, Known: a.Known, Last: a.Last,
	})
	if ask {
		b.announcer.askSoon()
	}
	if a.Final && b.lastWords != nil {
		age, exact := b.engine.PeerAge(a.Publisher)
		b.lastWords.keep(role, a, age, exact)
	}
	return nil
}

// isFrom returns an error unless an ID is the one that is wanted, if one is.
func isFrom(id [16]byte, want uuid.UUID) error {
	if want == uuid.Nil || uuid.UUID(id) == want {
		return nil
	}
	return forged("publisher", uuid.UUID(id).String(), "is not that of the bus that sent it")
}
