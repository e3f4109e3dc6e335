package natsbus

import (
	"context"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/subjects"
)

// interest keeps NATS subscriptions for each subject that some subscription of this process needs: one for each form in which
// an event may come.
//
// All of them are members of one queue group with a name of its own. A server sends a message to one member of a group, also
// when several members match with different subjects; so overlapping patterns do not bring a message twice.
//
// The other side of that: a member that leaves may already have been chosen for a message that another one matches too, and
// an embedded server, which moves messages between two accounts, then still sends it to the one that has left. So a member
// leaves only when none that is needed overlaps with it. Until then it brings in more than is needed, which is
// dropped before it is decoded.
type interest struct {
	conn     *nats.Conn
	prefixes []string // one for each form
	queue    string
	inbox    chan *nats.Msg // where all of them deliver
	ended    func()         // called when one is given up

	mu       sync.Mutex // guards what follows
	subjects map[string]*wanted
	missed   uint64 // by subscriptions that are gone
}

type wanted struct {
	forms []form
	users int
}

// form is the NATS subscription for one form of a subject's events.
type form struct {
	subscription *nats.Subscription
	missed       uint64 // as last seen: a closed subscription does not say
}

// drops returns how many messages of the subscriptions have found the inbox full.
func (w *wanted) drops() (sum uint64) {
	for i := range w.forms {
		f := &w.forms[i]
		if n, err := f.subscription.Dropped(); err == nil && n > 0 {
			f.missed = uint64(n)
		}
		sum += f.missed
	}
	return sum
}

// end gives the subscriptions up. It fails only if the connection is gone, and they with it.
func (w *wanted) end() {
	for _, f := range w.forms {
		_ = f.subscription.Unsubscribe()
	}
}

// add subscribes to what the patterns need and waits until the server knows. If it fails it has added nothing.
func (i *interest) add(ctx context.Context, patterns []subjects.Pattern) error {
	if err := i.subscribe(patterns); err != nil {
		return err
	}
	// Also when all of it was there already: another caller may still be on its way to the server with it.
	if err := flush(ctx, i.conn); err != nil {
		i.remove(patterns)
		return err
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
				var err error
				if w, err = i.open(subject); err != nil {
					i.releaseLocked(p.Subjects()[:k])
					for _, done := range patterns[:n] {
						i.releaseLocked(done.Subjects())
					}
					return err
				}
				i.subjects[subject] = w
			}
			w.users++
		}
	}
	return nil
}

// open subscribes to a subject in all forms.
func (i *interest) open(subject string) (*wanted, error) {
	w := new(wanted)
	for _, prefix := range i.prefixes {
		s, err := i.conn.ChanQueueSubscribe(prefix+subject, i.queue, i.inbox)
		if err != nil {
			w.end()
			return nil, err
		}
		w.forms = append(w.forms, form{subscription: s})
	}
	return w, nil
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
			w.end()
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
