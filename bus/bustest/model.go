package bustest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/bus"
)

// Model does random lists of operations on a bus and on a reference that was written from the comments of package bus, and
// requires that both agree after each: on the events and their order, on errors, and on all counters that do not measure
// time. One operation follows the other, so that there is one right answer.
//
// Opening a pair may start a server, so several lists run on one pair, each from a state without subscriptions. A list that
// fails is run again, and made shorter, on pairs of its own.
func Model(t *testing.T, open Opener) {
	var idle *machine // of the list before, if it has not shut it down
	rapid.Check(t, func(rt *rapid.T) {
		m := idle
		idle = nil
		if m == nil {
			m = &machine{t: &scope{TB: t}}
		}
		m.t.list = rt
		defer func() {
			if idle == nil {
				m.t.close()
			}
			m.t.list = nil
		}()
		if m.reference == nil {
			m.open(open)
		}
		for range 3 { // each of 30 operations on average
			rt.Repeat(map[string]func(*rapid.T){
				"":            func(*rapid.T) { m.compare() },
				"flush":       m.flush,
				"publish":     m.publish,
				"subscribe":   m.subscribe,
				"take":        m.take,
				"take all":    m.takeAll,
				"unsubscribe": m.unsubscribe,
			})
		}
		switch draw(rt, "end", "unsubscribe", "unsubscribe", "unsubscribe", "shutdown", "shutdown with an ended context") {
		case "unsubscribe":
			m.clear()
			idle = m
		case "shutdown":
			m.shutdown(true)
		default:
			m.shutdown(false)
		}
	})
	if idle != nil {
		idle.t.close()
	}
}

// scope is the test for the opener of a pair: what it leaves to be cleaned up is cleaned up with the pair.
type scope struct {
	testing.TB
	list     *rapid.T // that is running, nil between lists
	cleanups []func()
}

// Cleanup implements [testing.TB].
func (s *scope) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

// Errorf implements [testing.TB]: what fails is the list.
func (s *scope) Errorf(format string, args ...any) { s.failing().Errorf(format, args...) }

// FailNow implements [testing.TB].
func (s *scope) FailNow() { s.failing().FailNow() }

func (s *scope) failing() rapid.TB {
	if s.list != nil {
		return s.list
	}
	return s.TB
}

func (s *scope) close() {
	for _, f := range s.cleanups {
		defer f() // the last one first, and each of them even if another fails
	}
	s.cleanups = nil
}

// machine is a pair, its reference, and what the operations need to know.
type machine struct {
	t         *scope
	pair      Pair
	reference *reference
	witness   *reader   // settles, if events cross a transport
	readers   []*reader // of the list's subscriptions, live and ended, the newest last

	events uint64 // drawn so far
}

// reader is a receiver and its reference.
type reader struct {
	bus.Receiver
	reference *subscriber
}

func (m *machine) open(open Opener) {
	options := bus.Options{
		MaxSubscribers: 4, QueueCapacity: 2, Overflow: bus.DropOldest,
		CircuitBreak: bus.CircuitBreak{Overflows: 2, Window: time.Hour, CoolDown: time.Hour},
		// Nobody reads while Publish waits, so that it may as well give up soon.
		PublishTimeout: time.Microsecond,
	}
	m.pair = open(m.t, options)
	m.reference = newReference(options, m.pair.remote())
	if m.pair.remote() {
		subscription := bus.Subscription{ID: "witness", Patterns: []string{witnessTopic}}
		m.witness = &reader{newWitness(m.t, m.pair).receiver, m.reference.subscribe(subscription)}
	}
}

// context draws a context that has ended, or one for an operation that should not have to wait.
func (m *machine) context(rt *rapid.T) (ctx context.Context, ended bool) {
	ctx, cancel := context.WithCancel(background(m.t))
	m.t.Cleanup(cancel)
	if ended = rarely(rt, "context has ended"); ended {
		cancel()
	}
	return ctx, ended
}

func (m *machine) subscribe(rt *rapid.T) {
	in := subscription(rt)
	ctx, ended := m.context(rt)
	refused := m.reference.refuses(in)
	if rarely(rt, "invalid") {
		spoil(rt, &in)
		refused = append(refused, bus.ErrInvalid)
	}
	if ended {
		refused = append(refused, context.Canceled)
	}
	// The witness's events stay out of the other queues: they may follow another event within a circuit's cool-down.
	if m.pair.remote() && (&subscriber{Subscription: in}).selects(witnessTopic) {
		in.Topics.Exclude = append(in.Topics.Exclude, witnessTopic)
	}
	r, err := m.pair.Subscriber.Subscribe(ctx, in)
	m.requireOneOf(refused, err)
	if err != nil {
		require.Nil(m.t, r)
		return
	}
	require.Equal(m.t, in.ID, r.ID())
	m.readers = append(m.readers, &reader{r, m.reference.subscribe(in)})
}

func (m *machine) unsubscribe(rt *rapid.T) {
	m.end(draw(rt, "id", append(modelIDs, "nobody", "")...))
}

func (m *machine) end(id string) {
	require.NoError(m.t, m.pair.Subscriber.Unsubscribe(background(m.t), id))
	m.reference.unsubscribe(id)
}

// clear ends the list's subscriptions. What its receivers have not taken stays queued for good.
func (m *machine) clear() {
	for _, r := range m.readers {
		m.end(r.ID())
	}
	m.readers = nil
	m.compare()
}

// publish publishes some events in a row.
func (m *machine) publish(rt *rapid.T) {
	for range rapid.IntRange(1, 6).Draw(rt, "events") {
		event := m.event(rt)
		ctx, ended := m.context(rt)
		switch {
		case rarely(rt, "invalid"):
			spoilEvent(rt, &event)
			refused := []error{bus.ErrInvalid}
			if ended {
				refused = append(refused, context.Canceled)
			}
			m.requireOneOf(refused, m.pair.Publisher.Publish(ctx, event))
		case ended:
			require.ErrorIs(m.t, m.pair.Publisher.Publish(ctx, event), context.Canceled)
		default:
			if m.reference.impatient() {
				m.settle()
				tick()
			}
			m.send(event, draw(rt, "wait ends with", publishTimeout, publisherContext))
		}
	}
	m.settle()
}

// What ends the wait of a publisher.
const (
	publishTimeout   = "publish_timeout"
	publisherContext = "the publisher's context"
)

// send publishes a valid event.
func (m *machine) send(event bus.Event, waitEndsWith string) {
	ctx, cause := context.Background(), context.DeadlineExceeded
	if waitEndsWith == publisherContext {
		ctx, cause = untilWaitedFor(m.t), context.Canceled
	}
	full := m.reference.publish(event)
	err := m.pair.Publisher.Publish(ctx, event)
	if len(full) == 0 {
		require.NoError(m.t, err)
		return
	}
	require.ErrorIs(m.t, err, bus.ErrOverflow)
	var named []string
	for _, overflow := range overflows(err) {
		require.ErrorIs(m.t, overflow, cause)
		named = append(named, overflow.Subscriber)
	}
	require.ElementsMatch(m.t, full, named)
}

// overflows returns the overflows that Publish has joined.
func overflows(err error) []*bus.OverflowError {
	var found []*bus.OverflowError
	switch e := err.(type) { //nolint:errorlint // it goes through the tree itself
	case *bus.OverflowError:
		found = append(found, e)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			found = append(found, overflows(one)...)
		}
	}
	return found
}

// endsWhenWaitedFor is a context that ends when somebody begins to wait for its end: during a Publish that has to wait, and
// never before it, which a short timeout could not promise.
type endsWhenWaitedFor struct {
	context.Context
	end context.CancelFunc
}

func untilWaitedFor(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(background(t))
	t.Cleanup(cancel)
	return endsWhenWaitedFor{ctx, cancel}
}

// Done implements [context.Context].
func (c endsWhenWaitedFor) Done() <-chan struct{} {
	c.end()
	return c.Context.Done()
}

// tick returns when the clock has moved, which on most systems it does from one reading to the next.
func tick() {
	for begin := time.Now(); time.Since(begin) <= 0; {
	}
}

// settle returns when all that was published has been offered to every subscription.
func (m *machine) settle() {
	if m.witness == nil {
		return
	}
	payload := &bus.PerformanceEvent{MetricName: "settled", Timestamp: modelTime}
	m.send(m.stamped(bus.Event{Topic: witnessTopic, Payload: payload}), publishTimeout)
	want, _ := m.witness.reference.take()
	m.requireSame(want, next(m.t, m.witness))
}

// reader draws one of the list's receivers, nil if there is none.
func (m *machine) reader(rt *rapid.T) *reader {
	if len(m.readers) == 0 {
		return nil
	}
	return m.readers[len(m.readers)-1-index(rt, "receiver, from the newest", len(m.readers))]
}

// take takes one event in one of the ways that there are, or finds that there is none.
func (m *machine) take(rt *rapid.T) {
	r := m.reader(rt)
	if r == nil {
		return
	}
	ctx, ended := m.context(rt)
	if ended {
		event, err := r.Next(ctx)
		require.ErrorIs(m.t, err, context.Canceled)
		require.Nil(m.t, event)
		return
	}
	want, wantErr := r.reference.take()
	read := r.TryNext
	if want != nil || wantErr != nil {
		switch draw(rt, "with", "TryNext", "Next", "Ready") {
		case "Next":
			read = func() (*bus.Event, error) { return r.Next(ctx) }
		case "Ready":
			select {
			case <-r.Ready():
			default:
				m.t.Errorf("%s has something to return and is not ready", r.ID())
			}
		}
	}
	m.requireRead(want, wantErr, read)
	if wantErr != nil {
		m.ended(r)
	}
}

func (m *machine) takeAll(rt *rapid.T) {
	if r := m.reader(rt); r != nil && m.drain(r) {
		m.ended(r)
	}
}

// drain takes what is queued, and reports whether the receiver has ended.
func (m *machine) drain(r *reader) (ended bool) {
	for {
		want, wantErr := r.reference.take()
		m.requireRead(want, wantErr, r.TryNext)
		if want == nil {
			return wantErr != nil
		}
	}
}

// ended is for a receiver that has returned its end: it does so once more, and then is not drawn any more.
func (m *machine) ended(r *reader) {
	m.requireRead(nil, bus.ErrSubscriptionEnded, r.TryNext)
	m.compare()
	m.readers = slices.DeleteFunc(m.readers, func(other *reader) bool { return other == r })
}

func (m *machine) requireRead(want *bus.Event, wantErr error, read func() (*bus.Event, error)) {
	got, err := read()
	require.ErrorIs(m.t, err, wantErr)
	m.requireSame(want, got)
}

// requireSame compares everything that an event has.
func (m *machine) requireSame(want, got *bus.Event) {
	if want == nil {
		require.Nil(m.t, got)
		return
	}
	require.NotNil(m.t, got, "%s is missing", want)
	expected := *want
	expected.Publisher = m.pair.Publisher.Statistics().Publisher
	require.Equal(m.t, expected, *got)
}

// requireOneOf requires an error for one of the reasons, or none if there is no reason. Which one it is of several is not
// promised.
func (m *machine) requireOneOf(reasons []error, err error) {
	if len(reasons) == 0 {
		require.NoError(m.t, err)
		return
	}
	is := func(reason error) bool { return errors.Is(err, reason) }
	require.True(m.t, slices.ContainsFunc(reasons, is), "%v is none of %v", err, reasons)
}

func (m *machine) flush(rt *rapid.T) {
	ctx, ended := m.context(rt)
	for _, b := range m.buses() {
		if err := b.Flush(ctx); ended {
			require.ErrorIs(m.t, err, context.Canceled)
		} else {
			require.NoError(m.t, err)
		}
	}
}

// buses returns both buses, or the one that is both.
func (m *machine) buses() []bus.Bus {
	return slices.Compact([]bus.Bus{m.pair.Subscriber, m.pair.Publisher})
}

// compare compares all counters.
func (m *machine) compare() {
	got := m.pair.Subscriber.Statistics()
	if m.pair.remote() {
		// What was published is counted where it was.
		p := m.pair.Publisher.Statistics()
		require.Zero(m.t, got.Published+p.Matched+p.Received)
		got.Published, got.PublishedBytes = p.Published, p.PublishedBytes
	}
	got.Publisher, got.Uptime, got.ReceivedBytes = uuid.Nil, 0, 0
	for i := range got.Subscriptions {
		got.Subscriptions[i] = timeless(got.Subscriptions[i])
	}
	require.Equal(m.t, m.reference.statistics(), got)
	for _, r := range m.readers {
		require.Equal(m.t, r.reference.statistics(), timeless(r.Statistics()))
	}
}

// shutdown ends the pair, with time to read what is queued or without.
func (m *machine) shutdown(inTime bool) {
	first := m.shutdownCutOff
	if inTime {
		first = m.shutdownInTime
	}
	err := first()
	require.Equal(m.t, err, m.pair.Subscriber.Shutdown(background(m.t)), "a second call returns the same")
	if m.pair.remote() {
		require.NoError(m.t, m.pair.Publisher.Shutdown(background(m.t)))
	}
	for _, b := range m.buses() {
		require.ErrorIs(m.t, b.Publish(background(m.t), process(1)), bus.ErrClosed)
		require.ErrorIs(m.t, b.Flush(background(m.t)), bus.ErrClosed)
		r, err := b.Subscribe(background(m.t), bus.Subscription{ID: "late"})
		require.ErrorIs(m.t, err, bus.ErrClosed)
		require.Nil(m.t, r)
		require.NoError(m.t, b.Unsubscribe(background(m.t), "a"))
	}
	m.compare()
	for _, r := range m.readers {
		m.drain(r) // those that ended earlier still have something
	}
	m.compare()
}

// shutdownInTime reads what is queued while the bus shuts down.
func (m *machine) shutdownInTime() error {
	ctx := background(m.t)
	result := make(chan error, 1)
	go func() { result <- m.pair.Subscriber.Shutdown(ctx) }()
	m.reference.shutdown(true)
	for _, r := range m.readers {
		for event, err := range r.All(ctx) {
			require.NoError(m.t, err)
			want, _ := r.reference.take()
			m.requireSame(want, event)
		}
		want, _ := r.reference.take()
		require.Nil(m.t, want)
	}
	err := <-result
	require.NoError(m.t, err)
	return err
}

// shutdownCutOff leaves no time.
func (m *machine) shutdownCutOff() error {
	ctx, cancel := context.WithCancel(background(m.t))
	cancel()
	discarded := m.reference.shutdown(false)
	err := m.pair.Subscriber.Shutdown(ctx)
	cut, ok := errors.AsType[*bus.ShutdownError](err)
	require.Equal(m.t, discarded > 0, ok, "%v", err)
	if ok {
		require.Equal(m.t, discarded, cut.Discarded)
	}
	if err != nil {
		require.ErrorIs(m.t, err, context.Canceled)
	}
	return err
}
