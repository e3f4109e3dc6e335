package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// Outside is everybody beyond this process.
type Outside interface {
	// Interested reports whether somebody outside may want events of that topic. It is called for each event.
	Interested(topic string) bool
	// Send hands over an event. It does not wait for receivers, and does not keep the event.
	Send(event *bus.Event) error
}

// Engine routes events to subscriptions.
type Engine struct {
	options   bus.Options
	outside   Outside // nil on the local bus
	publisher uuid.UUID
	started   time.Time

	published atomic.Uint64
	received  atomic.Uint64

	topics       topicTable
	remoteTopics topicTable
	generation   atomic.Uint64 // counts the changes of index; written under mu

	stopped  atomic.Bool
	stopping chan struct{} // closed when stopped is set

	shutdown    sync.Once
	shutdownErr error

	mu            sync.RWMutex // guards index and subscriptions
	index         subjects.Index[*Subscription]
	subscriptions map[string]*Subscription
	ended         totals // of subscriptions that are no longer there
}

// New returns an engine. outside may be nil. It returns an [*bus.InvalidError] for an option out of range.
func New(options *bus.Options, outside Outside) (*Engine, error) {
	o, err := options.WithDefaults()
	if err != nil {
		return nil, err
	}
	publisher, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("bus: no publisher ID: %w", err)
	}
	return &Engine{
		options: o, outside: outside, publisher: publisher, started: time.Now(),
		topics:        topicTable{limit: maxTopics},
		remoteTopics:  topicTable{limit: maxRemoteTopics},
		stopping:      make(chan struct{}),
		subscriptions: make(map[string]*Subscription),
	}, nil
}

// Options returns the options in force.
func (e *Engine) Options() bus.Options { return e.options }

// Publisher returns the name under which this engine numbers its events.
func (e *Engine) Publisher() uuid.UUID { return e.publisher }

// Publish implements [bus.Bus].
func (e *Engine) Publish(ctx context.Context, in bus.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.stopped.Load() {
		return bus.ErrClosed
	}
	event, err := e.stamp(in)
	if err != nil {
		return err
	}
	t := e.topics.get(event.Topic)
	e.published.Add(1)
	var sendErr error
	if e.outside != nil && e.outside.Interested(event.Topic) {
		t.sending.Lock()
		event.Sequence = t.next()
		sendErr = e.outside.Send(event)
		t.sending.Unlock()
	} else {
		event.Sequence = t.next()
	}
	// The outside comes first: it never waits, while what follows may.
	if err := e.deliver(ctx, event, e.route(t, event.Topic)); err != nil {
		return errors.Join(err, sendErr)
	}
	return sendErr
}

// Receive hands an event from outside to the subscriptions. The caller has decoded and validated it. It never waits.
func (e *Engine) Receive(event *bus.Event) {
	e.received.Add(1)
	for _, s := range e.route(e.remoteTopics.get(event.Topic), event.Topic) {
		if s.filter.passes(event) {
			s.queue.offerRemote(event)
		}
	}
}

// Wanted reports whether any subscription matches the topic, so that an event nobody wants need not be decoded.
func (e *Engine) Wanted(topic string) bool {
	return len(e.route(e.remoteTopics.get(topic), topic)) > 0
}

// route returns the subscriptions whose patterns match a topic.
func (e *Engine) route(t *topic, name string) []*Subscription {
	if r := t.route.Load(); r != nil && r.generation == e.generation.Load() {
		return r.to
	}
	e.mu.RLock()
	r := &route{generation: e.generation.Load(), to: e.index.Match(name, nil)}
	e.mu.RUnlock()
	t.route.Store(r)
	return r.to
}

// deliver queues the event for each subscription, and then waits for those that were full and block.
func (e *Engine) deliver(ctx context.Context, event *bus.Event, to []*Subscription) error {
	var waiting []*Subscription
	missed := false
	for _, s := range to {
		if !s.filter.passes(event) {
			continue
		}
		switch s.queue.offer(event) {
		case full:
			waiting = append(waiting, s)
		case ended:
			missed = true
		}
	}
	if waiting != nil {
		return e.wait(ctx, event, waiting, missed)
	}
	return e.missed(missed)
}

// missed returns ErrClosed if a subscription ended before it got an event, and ended because of Shutdown.
func (e *Engine) missed(missed bool) error {
	if missed && e.stopped.Load() {
		return bus.ErrClosed
	}
	return nil
}

// wait offers the event to subscriptions that block until each has it. They are served as they make room, so that one
// that is stuck does not keep the others waiting.
func (e *Engine) wait(ctx context.Context, event *bus.Event, waiting []*Subscription, missed bool) error {
	var timeout <-chan time.Time
	if _, ok := ctx.Deadline(); !ok {
		timer := time.NewTimer(e.options.PublishTimeout)
		defer timer.Stop()
		timeout = timer.C
	}
	wake := make(chan struct{}, 1)
	var cause error
	for cause == nil {
		waiting = slices.DeleteFunc(waiting, func(s *Subscription) bool {
			result := s.queue.offerOrWait(event, wake)
			missed = missed || result == ended
			return result != full
		})
		if len(waiting) == 0 {
			return e.missed(missed)
		}
		select {
		case <-wake:
		case <-ctx.Done():
			cause = ctx.Err()
		case <-timeout:
			cause = context.DeadlineExceeded
		case <-e.stopping:
			cause = bus.ErrClosed
		}
	}
	var errs []error
	for _, s := range waiting {
		switch s.queue.abandon(event, wake) {
		case full:
			errs = append(errs, &bus.OverflowError{Subscriber: s.id, Err: cause})
		case ended:
			missed = true
		}
	}
	return errors.Join(append(errs, e.missed(missed))...)
}

// Subscribe prepares and registers a subscription.
func (e *Engine) Subscribe(ctx context.Context, subscription bus.Subscription) (*Subscription, error) {
	s, err := e.Prepare(ctx, subscription)
	if err != nil {
		return nil, err
	}
	return s, e.Register(s)
}

// Prepare validates a subscription without registering it, so that the outside can be told before events flow.
func (e *Engine) Prepare(ctx context.Context, subscription bus.Subscription) (*Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := e.compile(subscription)
	if err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return s, e.admitLocked(s)
}

// Register makes a prepared subscription live.
func (e *Engine) Register(s *Subscription) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.admitLocked(s); err != nil {
		return err
	}
	e.subscriptions[s.id] = s
	for _, p := range s.patterns {
		e.index.Insert(p, s)
	}
	e.generation.Add(1)
	return nil
}

// admitLocked says whether a subscription may be registered.
func (e *Engine) admitLocked(s *Subscription) error {
	switch {
	case e.stopped.Load():
		return bus.ErrClosed
	case e.subscriptions[s.id] != nil:
		return fmt.Errorf("%w: %q", bus.ErrDuplicateSubscriber, s.id)
	case len(e.subscriptions) >= e.options.MaxSubscribers:
		return fmt.Errorf("%w: %q would be number %d", bus.ErrTooManySubscribers, s.id, len(e.subscriptions)+1)
	}
	return nil
}

// Unsubscribe ends the subscription with that ID and returns it, nil if there is none.
func (e *Engine) Unsubscribe(id string) *Subscription {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.subscriptions[id]
	if s != nil {
		e.endLocked(s)
	}
	return s
}

// endLocked removes a subscription; its counters move to the sums in the same critical section.
func (e *Engine) endLocked(s *Subscription) {
	delete(e.subscriptions, s.id)
	for _, p := range s.patterns {
		e.index.Remove(p, s)
	}
	e.generation.Add(1)
	s.queue.end(&e.ended)
}

// Statistics returns a snapshot; what only the adapter knows is left zero.
func (e *Engine) Statistics() bus.Statistics {
	e.mu.RLock()
	defer e.mu.RUnlock()
	statistics := bus.Statistics{
		Published:         e.published.Load(),
		Received:          e.received.Load(),
		Delivered:         e.ended.delivered.Load(), // first: it grows towards the other two
		Matched:           e.ended.matched.Load(),
		Dropped:           e.ended.dropped.Load(),
		ActiveSubscribers: len(e.subscriptions),
		Uptime:            time.Since(e.started),
		Subscriptions:     make([]bus.SubscriptionStatistics, 0, len(e.subscriptions)),
	}
	for _, s := range e.subscriptions {
		one := s.Statistics()
		statistics.Matched += one.Matched
		statistics.Delivered += one.Delivered
		statistics.Dropped += one.Dropped
		statistics.Subscriptions = append(statistics.Subscriptions, one)
	}
	statistics.Queued = statistics.Matched - statistics.Delivered - statistics.Dropped
	slices.SortFunc(statistics.Subscriptions, func(a, b bus.SubscriptionStatistics) int { return cmp.Compare(a.ID, b.ID) })
	return statistics
}

// Stopped reports whether Shutdown was called.
func (e *Engine) Stopped() bool { return e.stopped.Load() }

// Shutdown implements [bus.Bus]. release is the adapter's part: it runs after the intake has stopped and before the
// subscriptions end, gets what is on its way from and to the outside across, and lets go of every resource, also when its
// context has ended. It may be nil.
func (e *Engine) Shutdown(ctx context.Context, release func(context.Context) error) error {
	e.shutdown.Do(func() {
		e.stop()
		if release != nil {
			e.shutdownErr = release(ctx)
		}
		e.shutdownErr = errors.Join(e.drain(ctx), e.shutdownErr)
	})
	return e.shutdownErr
}

// stop ends the intake from publishers and new subscriptions; publishers that wait return.
func (e *Engine) stop() {
	// Under the lock, so that a Subscribe either is seen by drain or fails.
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped.Store(true)
	close(e.stopping)
}

// drain ends every subscription, waits until the receivers have taken what is queued or ctx ends, and then discards the
// rest. It returns a [*bus.ShutdownError] if there was a rest.
func (e *Engine) drain(ctx context.Context) error {
	e.mu.Lock()
	draining := make([]*Subscription, 0, len(e.subscriptions))
	for _, s := range e.subscriptions {
		draining = append(draining, s)
		e.endLocked(s)
	}
	e.mu.Unlock()

	var discarded uint64
	for _, s := range draining {
		select {
		case <-s.queue.drained:
		case <-ctx.Done():
			discarded += s.queue.discard()
		}
	}
	if discarded > 0 {
		return &bus.ShutdownError{Discarded: discarded, Err: ctx.Err()}
	}
	return nil
}
