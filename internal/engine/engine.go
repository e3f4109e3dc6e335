package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// Outside is everybody beyond this process.
type Outside interface {
	// Send hands over an event, which it drops if nobody outside wants it. It waits for nobody and does not keep the event. If
	// push is true the caller calls Push when it holds no lock.
	Send(event *bus.Event) (push bool, err error)
	// Push sends what was handed over. It does not wait for receivers, but it may for a server.
	Push() error
}

// Engine routes events to subscriptions.
type Engine struct {
	options   bus.Options                // of which tuning is another part now
	tuning    atomic.Pointer[bus.Tuning] // with defaults
	outside   Outside                    // nil on the local bus
	publisher uuid.UUID
	clock     clock
	ids       ids

	published, publishedBytes atomic.Uint64
	received, receivedBytes   atomic.Uint64
	stale, untracked          atomic.Uint64
	peers                     peers // of the goroutine that receives
	questions                 questions
	runners                   runners
	warning                   atomic.Bool    // a slow consumer is being named; guards warned
	warned                    time.Duration  // when one was last named, on the bus's clock
	complaints                rate.Sometimes // about losses
	staleComplaints           rate.Sometimes

	samples      samples
	topics       topicTable
	remoteTopics topicTable
	generation   atomic.Uint64 // counts the changes of index; written under mu

	interrupted    atomic.Uint64 // generation when interest was last given up outside
	lastGeneration atomic.Uint64 // of index before Shutdown began to empty it

	stopped atomic.Bool
	life    context.Context // ends when stopped is set
	end     context.CancelFunc

	responders responders

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
	random, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("bus: no random bits for event IDs: %w", err)
	}
	e := &Engine{
		options: o, outside: outside, publisher: publisher,
		complaints: rate.Sometimes{Interval: slowInterval}, staleComplaints: rate.Sometimes{Interval: slowInterval},
		warned:        -warnInterval,
		topics:        topicTable{limit: maxTopics},
		remoteTopics:  topicTable{limit: maxRemoteTopics},
		subscriptions: make(map[string]*Subscription),
	}
	e.tuning.Store(tuningOf(&o))
	e.life, e.end = context.WithCancel(context.Background())
	e.responders.topics, e.responders.running = make(map[string][]*responder), make(map[string]int)
	e.clock.start()
	e.ids.seed(random)
	e.peers = newPeers(e.clock.now)
	e.lastGeneration.Store(math.MaxUint64)
	return e, nil
}

// Options returns the options that the engine was made with.
func (e *Engine) Options() bus.Options { return e.options }

// Publisher returns the name under which this engine numbers its events.
func (e *Engine) Publisher() uuid.UUID { return e.publisher }

// Publish implements [bus.Bus]. It does not keep in, which is a pointer because copying an event costs as much as numbering it.
func (e *Engine) Publish(ctx context.Context, in *bus.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.stopped.Load() {
		return bus.ErrClosed
	}
	item, err := e.stamp(in)
	if err != nil {
		return err
	}
	event := &item.Event
	t := e.topics.get(event.Topic)
	push, sendErr := e.number(t, event)
	if sendErr != nil && errors.Is(sendErr, bus.ErrClosed) {
		return sendErr
	}
	e.published.Add(1)
	e.publishedBytes.Add(item.size)
	e.samples.give(event)
	r := e.route(t, event.Topic)
	waiting, missed := e.offer(item, r.to)
	// A route from after that has lost the subscriptions that Shutdown has ended.
	missed = missed || r.generation > e.lastGeneration.Load()
	if push {
		sendErr = errors.Join(sendErr, e.outside.Push())
	}
	if waiting != nil {
		return errors.Join(e.wait(ctx, item, waiting, missed), sendErr)
	}
	if err := e.missed(missed); err != nil {
		return errors.Join(err, sendErr)
	}
	return sendErr
}

// number gives the event its sequence number, and hands it to the outside.
func (e *Engine) number(t *topic, event *bus.Event) (push bool, err error) {
	if e.outside == nil {
		event.Sequence = t.next()
		return false, nil
	}
	t.sending.Lock()
	defer t.sending.Unlock()
	// The last announcement, which says how many events there were, is made after stopped is set.
	if e.stopped.Load() {
		return false, bus.ErrClosed
	}
	event.Sequence = t.next()
	return e.outside.Send(event)
}

// Wanted reports whether any subscription matches the topic, or anybody wants the next event, so that one nobody wants need not be decoded.
func (e *Engine) Wanted(topic string) bool {
	return e.sampled() || len(e.route(e.remoteTopics.get(topic), topic).to) > 0
}

// route returns the subscriptions whose patterns match a topic.
func (e *Engine) route(t *topic, name string) *route {
	if r := t.route.Load(); r != nil && r.generation == e.generation.Load() {
		return r
	}
	e.mu.RLock()
	r := &route{generation: e.generation.Load(), to: e.index.Match(name, nil)}
	e.mu.RUnlock()
	t.route.Store(r)
	return r
}

// offer queues the event for each subscription. It returns those that were full and block, and whether one had ended.
func (e *Engine) offer(item *Item, to []*Subscription) (waiting []*Subscription, missed bool) {
	for _, s := range to {
		if !s.filter.passes(&item.Event) {
			continue
		}
		switch s.queue.offer(item) {
		case notable:
			e.note(s)
		case full:
			waiting = append(waiting, s)
		case ended:
			missed = true
		}
	}
	return waiting, missed
}

// note tells whom it concerns that a subscription has dropped an event, or that its circuit has changed.
func (e *Engine) note(s *Subscription) {
	if s.notifier != nil {
		s.notifier.raise()
	}
	if s.queue.slow.Load() && s.queue.slow.Swap(false) {
		e.warnSlow(s)
	}
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
func (e *Engine) wait(ctx context.Context, item *Item, waiting []*Subscription, missed bool) error {
	var timeout <-chan time.Time
	if _, ok := ctx.Deadline(); !ok {
		timer := time.NewTimer(e.tuning.Load().PublishTimeout)
		defer timer.Stop()
		timeout = timer.C
	}
	watch := time.NewTimer(slowAfter)
	defer watch.Stop()
	wake := make(chan struct{}, 1)
	var cause error
	for cause == nil {
		waiting = slices.DeleteFunc(waiting, func(s *Subscription) bool {
			result := s.queue.offerOrWait(item, wake)
			missed = missed || result == ended
			return result != full
		})
		if len(waiting) == 0 {
			return e.missed(missed)
		}
		select {
		case <-wake:
		case <-watch.C:
			for _, s := range waiting {
				s.queue.stillFull(e.clock.now())
				e.note(s)
			}
			watch.Reset(slowAfter)
		case <-ctx.Done():
			cause = ctx.Err()
		case <-timeout:
			cause = context.DeadlineExceeded
		case <-e.life.Done():
			cause = bus.ErrClosed
		}
	}
	var errs []error
	for _, s := range waiting {
		switch s.queue.abandon(item, wake) {
		case full:
			e.note(s)
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
	s.since = e.clock.now()
	s.generation = e.generation.Add(1)
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
	if s.notifier != nil {
		s.notifier.end()
	}
}

// Statistics returns a snapshot; what only the adapter knows is left zero.
func (e *Engine) Statistics() bus.Statistics {
	e.mu.RLock()
	defer e.mu.RUnlock()
	statistics := bus.Statistics{
		Publisher: e.publisher,
		Published: e.published.Load(), PublishedBytes: e.publishedBytes.Load(),
		Received: e.received.Load(), ReceivedBytes: e.receivedBytes.Load(),
		Stale: e.stale.Load(), Untracked: e.untracked.Load(),
		ActiveSubscribers: len(e.subscriptions),
		Uptime:            e.clock.now(),
		Closed:            e.stopped.Load(),
		Subscriptions:     make([]bus.SubscriptionStatistics, 0, len(e.subscriptions)),
	}
	e.ended.start(&statistics)
	for _, s := range e.subscriptions {
		one := s.Statistics()
		statistics.Matched += one.Matched
		statistics.Delivered += one.Delivered
		statistics.Lost += one.Lost
		statistics.Drops = statistics.Drops.Plus(one.Drops)
		statistics.Subscriptions = append(statistics.Subscriptions, one)
	}
	statistics.Dropped = statistics.Drops.Total()
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
		e.responders.finish(ctx) // while what they answer can still be sent
		if release != nil {
			e.shutdownErr = release(ctx)
		}
		e.shutdownErr = errors.Join(e.drain(ctx), e.shutdownErr)
		e.runners.wait(ctx)
	})
	return e.shutdownErr
}

// stop ends the intake from publishers and new subscriptions; publishers that wait return.
func (e *Engine) stop() {
	// Under the lock, so that a Subscribe either is seen by drain or fails.
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped.Store(true)
	e.end()
}

// drain ends every subscription, waits until the receivers have taken what is queued or ctx ends, and then discards the
// rest. It returns a [*bus.ShutdownError] if there was a rest.
func (e *Engine) drain(ctx context.Context) error {
	e.mu.Lock()
	e.lastGeneration.Store(e.generation.Load())
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
			if s.notifier != nil {
				s.notifier.raise()
			}
		}
	}
	if discarded > 0 {
		return &bus.ShutdownError{Discarded: discarded, Err: ctx.Err()}
	}
	return nil
}
