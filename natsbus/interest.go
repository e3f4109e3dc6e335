package natsbus

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/subjects"
)

// interest keeps one NATS subscription for each subject that some subscription of this process needs.
//
// All of them are members of one queue group with a name of its own. A server sends a message to one member of a group, also
// when several members match with different subjects; so overlapping patterns do not bring a message twice.
type interest struct {
	conn   *nats.Conn
	prefix string // of inbound subjects, with a dot at its end, or empty
	queue  string
	inbox  chan *nats.Msg // where all of them deliver

	mu       sync.Mutex // guards what follows
	subjects map[string]*wanted
	missed   uint64 // by subscriptions that are gone
}

type wanted struct {
	subscription *nats.Subscription
	users        int
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
				s, err := i.conn.ChanQueueSubscribe(i.prefix+subject, i.queue, i.inbox)
				if err != nil {
					for _, done := range patterns[:n] {
						i.releaseLocked(done.Subjects())
					}
					i.releaseLocked(p.Subjects()[:k])
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

// remove gives up what add has taken.
func (i *interest) remove(patterns []subjects.Pattern) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, p := range patterns {
		i.releaseLocked(p.Subjects())
	}
}

func (i *interest) releaseLocked(names []string) {
	for _, subject := range names {
		w := i.subjects[subject]
		if w == nil {
			continue
		}
		if w.users--; w.users > 0 {
			continue
		}
		delete(i.subjects, subject)
		i.missed += dropped(w.subscription)
		// Drain, and not Unsubscribe: the server may have chosen this member of the group for a message that is on its
		// way and that another subscription wants too.
		if w.subscription.Drain() != nil {
			_ = w.subscription.Unsubscribe() // fails only if the connection is gone, and the subscription with it
		}
	}
}

// lost returns the number of messages that found the inbox full.
func (i *interest) lost() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	sum := i.missed
	for _, w := range i.subjects {
		sum += dropped(w.subscription)
	}
	return sum
}

func dropped(s *nats.Subscription) uint64 {
	n, err := s.Dropped()
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}
