package engine

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/bus"
)

// Announcement is how far a publisher has come.
type Announcement struct {
	Publisher uuid.UUID
	// Age is at least the time since the publisher was made.
	Age time.Duration
	// Topics has the number of the last event on topics of the publisher.
	Topics map[string]uint64
	// Question is what the announcement answers, as Ask returned it; 0 if it was not asked for.
	Question uint64
	// Known is the number of topics in this and the former messages of an answer, and Last says that these are all topics of
	// the publisher.
	Known uint64
	Last  bool
}

// questions remembers when the last questions were asked.
type questions struct {
	mu   sync.Mutex // guards what follows
	last uint64     // number of the last one
	ring [64]asked
}

// asked is the moment of a question.
type asked struct {
	number     uint64
	at         time.Duration // on the bus's clock
	generation uint64        // of the index
}

// Ask returns the number of a new question to all publishers. What an answer says was true at some time after this call.
func (e *Engine) Ask() uint64 {
	q := &e.questions
	q.mu.Lock()
	defer q.mu.Unlock()
	q.last++
	q.ring[q.last%uint64(len(q.ring))] = asked{q.last, e.clock.now(), e.generation.Load()}
	return q.last
}

// find returns the moment of a question, ok if it is one of the last.
func (q *questions) find(number uint64) (moment asked, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	moment = q.ring[number%uint64(len(q.ring))]
	return moment, number != 0 && moment.number == number
}

// InterestEnded notes that something was given up outside that no subscription needs any more.
func (e *Engine) InterestEnded() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.interrupted.Store(e.generation.Add(1))
}

// sighted returns the generation up to which subscriptions are certain to miss what follows an event that is seen now. A
// publisher may have looked who is interested before the event crossed the wire: when interest has ended since its last
// complete answer, it may have found nobody for the next event, although a subscription from after that has got this one.
func (e *Engine) sighted(p *peer, now uint64) uint64 {
	silent := !p.placed && p.asked >= maxAsked // a plain client, which sends in any case
	if end := e.interrupted.Load(); end > p.complete && !silent {
		return max(min(now, end), p.complete)
	}
	return now
}

// Receive hands an event from outside to the subscriptions. The caller has decoded and validated it; bytes is what it came
// in. It never waits. Like Announced, it is for one goroutine alone, in the order of the wire.
//
// It returns true if the event's publisher should be asked when it started.
func (e *Engine) Receive(item *Item, bytes int) (ask bool) {
	event := &item.Event
	e.received.Add(1)
	e.receivedBytes.Add(uint64(bytes))
	item.size, item.arrived = uint64(event.Msgsize()), e.clock.now()
	route := e.route(e.remoteTopics.get(event.Topic), event.Topic)
	stale, ask := e.follow(item, route)
	if stale {
		e.warnStale(event)
		return ask
	}
	for _, s := range route.to {
		if s.filter.passes(event) && s.queue.offerRemote(item) == notable {
			e.note(s)
		}
	}
	return ask
}

// follow looks at the event's number.
func (e *Engine) follow(item *Item, route *route) (stale, ask bool) {
	event := &item.Event
	if event.Sequence == 0 || event.Publisher == uuid.Nil {
		e.untracked.Add(1)
		return false, false
	}
	p := e.peers.get(event.Publisher)
	missing, stale, tracked := e.peers.advance(p, event.Topic, event.Sequence, e.sighted(p, route.generation), false)
	if !tracked {
		e.untracked.Add(1)
		return false, false
	}
	e.lose(p, event.Topic, missing, route)
	return stale, p.toBeAsked(item.arrived, e.interrupted.Load())
}

// Announced takes note of how far a publisher has come, and finds out what did not arrive. Like Receive, it returns true if the
// publisher should be asked when it started.
func (e *Engine) Announced(a Announcement) (ask bool) {
	p := e.peers.get(a.Publisher)
	// An announcement may have been under way for long. Only of an answer it is known that it was made after a certain moment,
	// and so with which subscriptions in place.
	moment, answers := e.questions.find(a.Question)
	for topic, n := range a.Topics {
		missing, _, _ := e.peers.advance(p, topic, n, moment.generation, true)
		if missing.last >= max(1, missing.first) {
			e.lose(p, topic, missing, e.route(e.remoteTopics.get(topic), topic))
		}
	}
	if answers {
		e.answered(p, a, moment)
	}
	return p.toBeAsked(e.clock.now(), e.interrupted.Load())
}

// answered learns from an answer when its publisher started, and which topics it did not have.
func (e *Engine) answered(p *peer, a Announcement, moment asked) {
	if !p.placed {
		// It was made after the question less its age.
		e.peers.locate(p, moment.at-a.Age)
		for topic, t := range p.tracks {
			e.lose(p, topic, p.start(t), e.route(e.remoteTopics.get(topic), topic))
		}
	}
	if p.answering != a.Question {
		p.answering, p.listed = a.Question, 0
	}
	p.listed += uint64(len(a.Topics))
	if a.Last && p.listed == a.Known && !p.partial {
		p.complete, p.asked = max(p.complete, moment.generation), 0
	}
}

// lose tells the subscriptions of a topic what is missing.
func (e *Engine) lose(p *peer, topic string, missing gap, route *route) {
	if missing.last < max(1, missing.first) {
		return
	}
	for _, s := range route.to {
		certain := s.generation <= missing.generation || s.since < missing.before
		if !certain || !s.filter.passesTopic(topic) || !s.queue.lose(missing.last-missing.first+1) {
			continue
		}
		if s.notifier != nil {
			s.notifier.lose(origin{p.id, topic}, missing.first, missing.last)
		} else {
			e.warnLost(s, p.id, topic, missing)
		}
	}
}

// warnStale counts an event that is not delivered because of its number, and logs it now and then: it may be a duplicate, but also
// a client that numbers anew under a name that it had before, of which nothing would be seen any more.
func (e *Engine) warnStale(event *bus.Event) {
	n := e.stale.Add(1)
	e.staleComplaints.Do(func() {
		e.options.Logger.Warn("skipped an event whose sequence number is not above the last one of its publisher and topic",
			"publisher", event.Publisher, "topic", event.Topic, "sequence", event.Sequence, "so_far", n)
	})
}

// warnLost logs a loss of a subscriber that takes no notices, now and then: the counters are complete, the log need not be.
func (e *Engine) warnLost(s *Subscription, publisher uuid.UUID, topic string, missing gap) {
	e.complaints.Do(func() {
		e.options.Logger.Warn("events were lost on their way here", "subscription", s.id, "publisher", publisher, "topic", topic,
			"first", missing.first, "last", missing.last, "so_far", s.Statistics().Lost)
	})
}

// PeerAge returns at least how long ago another publisher was made, if it has answered. Like Receive, it is for one goroutine.
func (e *Engine) PeerAge(publisher uuid.UUID) (age time.Duration, ok bool) {
	p := e.peers.byID[publisher]
	if p == nil || p.started == 0 {
		return 0, false
	}
	return e.clock.now() - p.started, true
}

// Received returns how many events have come from outside.
func (e *Engine) Received() uint64 { return e.received.Load() }

// Reconnected tells the subscriptions that the connection to other processes was lost for a while.
func (e *Engine) Reconnected(after time.Duration) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, s := range e.subscriptions {
		if s.notifier != nil {
			s.notifier.reconnected(after)
		}
	}
}

// Which topics Progress tells.
type Which int

// What was told may be lost, so Repeating includes topics that have not moved for 1, 2, 4 and 8 calls with it.
const (
	Moved     Which = iota // those that have moved since they were told
	Repeating              // also those that moved a while ago
	Everyone               // all of them
)

// Progress calls yield with how far this bus has come on its topics. An event with a number up to the one yielded has been
// handed to the outside, if it was wanted there. With Everyone, they do not count as told. One goroutine may call it at a
// time.
func (e *Engine) Progress(which Which, yield func(topic string, sequence uint64)) {
	e.topics.topics.Range(func(name, value any) bool {
		t := value.(*topic)
		t.sending.Lock()
		sequence := t.sequence.Load()
		t.sending.Unlock()
		switch {
		case sequence == 0:
			return true // it is being numbered for the first time
		case which == Everyone:
		case sequence != t.told:
			t.told, t.quiet = sequence, 0
		case which == Repeating && t.quiet < 8:
			t.quiet++
			if t.quiet&(t.quiet-1) != 0 {
				return true
			}
		default:
			return true
		}
		yield(name.(string), sequence)
		return true
	})
}

// Settle returns when every publisher that found the engine open has handed its event to the outside. It is for who has stopped it.
func (e *Engine) Settle() {
	e.topics.topics.Range(func(_, value any) bool {
		t := value.(*topic)
		t.sending.Lock()
		defer t.sending.Unlock()
		return true
	})
}

// Age returns at least how long ago this bus was made. The clock of a process may stand still while its host sleeps, and the wall
// clock may be set back, but hardly both by the same.
func (e *Engine) Age() time.Duration {
	return max(e.clock.now(), time.Now().Round(0).Sub(e.clock.started.Round(0)))
}
