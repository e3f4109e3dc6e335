package engine

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// Subscription is a live subscription and its receiver.
type Subscription struct {
	id       string
	patterns []subjects.Pattern
	filter   *filter
	queue    *queue
	notifier *notifier            // nil if nobody wants notices
	now      func() time.Duration // the bus's clock

	// Set when it is registered.
	generation uint64        // of the index that has it first
	since      time.Duration // on the bus's clock
}

var _ bus.Receiver = (*Subscription)(nil)

// Patterns returns the patterns in force. They must not be changed.
func (s *Subscription) Patterns() []subjects.Pattern { return s.patterns }

// ID implements [bus.Receiver].
func (s *Subscription) ID() string { return s.id }

// Next implements [bus.Receiver].
func (s *Subscription) Next(ctx context.Context) (*bus.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	q := s.queue
	if event, over := q.take(); event != nil {
		return event, nil
	} else if over {
		return nil, bus.ErrSubscriptionEnded
	}
	q.sleepers.Add(1)
	defer q.sleepers.Add(-1)
	for {
		event, over := q.take()
		if event != nil || over {
			// One token may stand for several events, and the end is for everybody: pass it on.
			if q.sleepers.Load() > 1 && q.pending() {
				q.signal()
			}
			if over {
				return nil, bus.ErrSubscriptionEnded
			}
			return event, nil
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TryNext implements [bus.Receiver].
func (s *Subscription) TryNext() (*bus.Event, error) {
	q := s.queue
	event, over := q.take()
	if q.selecting.Load() && q.pending() {
		q.signal()
	}
	if over {
		return nil, bus.ErrSubscriptionEnded
	}
	return event, nil
}

// Ready implements [bus.Receiver].
func (s *Subscription) Ready() <-chan struct{} {
	q := s.queue
	if q.selecting.CompareAndSwap(false, true) {
		q.sleepers.Add(1)
	}
	if q.pending() {
		q.signal()
	}
	return q.ready
}

// All implements [bus.Receiver].
func (s *Subscription) All(ctx context.Context) iter.Seq2[*bus.Event, error] {
	return func(yield func(*bus.Event, error) bool) {
		for {
			event, err := s.Next(ctx)
			if errors.Is(err, bus.ErrSubscriptionEnded) || !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Statistics implements [bus.Receiver].
func (s *Subscription) Statistics() bus.SubscriptionStatistics {
	statistics := s.queue.statistics(s.now())
	statistics.ID = s.id
	return statistics
}
