package natsbus

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// interest keeps a NATS subscription for each subject that some subscription of this process needs.
//
// All of them are members of one queue group with a name that nobody else knows. A server sends a message to one member of a group, also
// when several members match with different subjects; so overlapping patterns do not bring a message twice.
//
// The other side of that: a member that leaves may already have been chosen for a message that another one matches too, and
// an embedded server, which moves messages between two accounts, then still sends it to the one that has left. So a member
// leaves only when none that is needed overlaps with it. Until then it brings in more than is needed, which is
// dropped before it is decoded.
type interest struct {
	conn  *nats.Conn
	queue string
	inbox chan *nats.Msg // where all of them deliver
	ended func()         // called when one is given up

	mu       sync.Mutex // guards what follows
	prefix   string     // stands before each subject: the form in which events come
	subjects map[string]*wanted
	missed   uint64 // by subscriptions that are gone
}

type wanted struct {
	subscription *nats.Subscription
	missed       uint64 // as last seen: a closed subscription does not say
	users        int
	refused      bool // by the server
}

// drops returns how many messages of the subscription have found the inbox full.
func (w *wanted) drops() uint64 {
	if n, err := w.subscription.Dropped(); err == nil && n > 0 {
		w.missed = uint64(n)
	}
	return w.missed
}

// all subscribes to a subject for good.
func (i *interest) all(subject string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	s, err := i.open(subject)
	if err == nil {
		i.subjects[subject] = &wanted{subscription: s, users: 1}
	}
	return err
}

// adapt changes what stands before each subject. While it does so, events may be missed; their numbers show it.
func (i *interest) adapt(prefix string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if prefix == i.prefix {
		return
	}
	i.prefix = prefix
	for subject, w := range i.subjects {
		i.missed += w.drops()
		// Both fail only if the connection is gone, and the bus with it.
		_ = w.subscription.Unsubscribe()
		if s, err := i.open(subject); err == nil {
			w.subscription, w.missed, w.refused = s, 0, false
		}
	}
}

// add subscribes to what the patterns need and waits until the server knows. If it fails it has added nothing. A subject that the
// server forbids is a [bus.ErrForbidden].
func (i *interest) add(ctx context.Context, patterns []subjects.Pattern) error {
	before := i.conn.LastError()
	if err := i.subscribe(patterns); err != nil {
		return err
	}
	// Also when all of it was there already: another caller may still be on its way to the server with it.
	err := flush(ctx, i.conn)
	if err == nil {
		err = i.forbidden(patterns, before)
	}
	if err != nil {
		i.remove(patterns)
	}
	return err
}

// forbidden returns an error if the server has refused one of the patterns.
func (i *interest) forbidden(patterns []subjects.Pattern, before error) error {
	return settled(i.conn, before, i.refuse, func() error { return i.refusedAmong(patterns) })
}

// refuse takes note of a complaint of the server, if it is about one of the subscriptions.
func (i *interest) refuse(complaint error) {
	_, rest, ok := strings.Cut(complaint.Error(), `Subscription to "`)
	if !ok {
		return
	}
	subject, _, _ := strings.Cut(rest, `"`)
	i.mu.Lock()
	defer i.mu.Unlock()
	if w := i.subjects[strings.TrimPrefix(subject, i.prefix)]; w != nil {
		w.refused = true
	}
}

func (i *interest) refusedAmong(patterns []subjects.Pattern) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, p := range patterns {
		for _, subject := range p.Subjects() {
			if w := i.subjects[subject]; w != nil && w.refused {
				return fmt.Errorf("%w: subscribe to %s", bus.ErrForbidden, p)
			}
		}
	}
	return nil
}

func (i *interest) subscribe(patterns []subjects.Pattern) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, p := range patterns {
		for k, subject := range p.Subjects() {
			w := i.subjects[subject]
			if w == nil {
				s, err := i.open(subject)
				if err != nil {
					i.releaseLocked(p.Subjects()[:k])
					for _, done := range patterns[:n] {
						i.releaseLocked(done.Subjects())
					}
					return err
				}
				w = &wanted{subscription: s}
				i.subjects[subject] = w
			}
			w.users++
		}
	}
	return nil
}

// open subscribes to a subject in the form in which events come.
func (i *interest) open(subject string) (*nats.Subscription, error) {
	return i.conn.ChanQueueSubscribe(i.prefix+subject, i.queue, i.inbox)
}

// remove gives up what add has taken.
func (i *interest) remove(patterns []subjects.Pattern) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, p := range patterns {
		i.releaseLocked(p.Subjects())
	}
}

func (i *interest) releaseLocked(names []string) {
	for _, name := range names {
		i.subjects[name].users--
	}
	for name, w := range i.subjects {
		if w.users == 0 && !i.overlapsNeededLocked(name) {
			delete(i.subjects, name)
			i.missed += w.drops()
			_ = w.subscription.Unsubscribe() // fails only if the connection is gone, and it with that
			i.ended()
		}
	}
}

func (i *interest) overlapsNeededLocked(name string) bool {
	for other, w := range i.subjects {
		if w.users > 0 && overlap(name, other) {
			return true
		}
	}
	return false
}

// overlap reports whether some topic matches both NATS subjects.
func overlap(a, b string) bool {
	for {
		var x, y string
		var moreA, moreB bool
		x, a, moreA = strings.Cut(a, ".")
		y, b, moreB = strings.Cut(b, ".")
		switch {
		case x == ">" || y == ">":
			return true
		case x != y && x != "*" && y != "*":
			return false
		case !moreA || !moreB:
			return moreA == moreB
		}
	}
}

// lost returns the number of messages that found the inbox full.
func (i *interest) lost() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	sum := i.missed
	for _, w := range i.subjects {
		sum += w.drops()
	}
	return sum
}
