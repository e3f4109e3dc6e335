package bustest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

var deliveryCases = []contractCase{
	{7, "circuit_break", "With circuit-break, overflows open the circuit, everything is dropped while it is open, a probe half-opens it, and it closes when the probe drains.", circuitBreak},
	{7, "circuit_stays_open", "A probe that finds no room leaves the circuit open.", circuitStaysOpen},
	{7, "circuit_changes_are_told", "The subscriber is told when its circuit opens and closes.", circuitTold},
	{8, "stuck_under_each_policy", "A stuck subscriber does not keep an event from another one, under every policy that does not block.", stuckUnderEachPolicy},
	{9, "drops_are_told", "A subscriber is told by cause what its queue has dropped.", dropsTold},
	{9, "no_false_losses", "Subscriptions that come late, or go and come again, are told of no loss when there was none.", noFalseLosses},
	{9, "audit", "What publishers sent is what each subscriber got and what was dropped for it, to the event.", audited},
	{11, "callbacks_may_use_the_bus", "Notify may publish, subscribe and unsubscribe, also its own subscription.", callbacks},
	{11, "who_ends_harms_nobody", "Subscriptions that end while others are served make none of them miss an event.", endsHarmNobody},
	{14, "shutdown_delivers_100000", "With 100,000 events queued and enough time, Shutdown delivers all of them.", shutdownDeliversMany},
	{14, "shutdown_cuts_off_100000", "With too little time it returns, and says and tells exactly how many were cut off.", shutdownCutsOffMany},
}

// onceOpen are thresholds that open a circuit at the second overflow, for coolDown.
func onceOpen(coolDown time.Duration) bus.CircuitBreak {
	return bus.CircuitBreak{Overflows: 2, Window: time.Hour, CoolDown: coolDown}
}

// circuit returns a pair with a subscription "slow" whose queue of four is full, and what settles the question.
func circuit(t *testing.T, open Opener, coolDown time.Duration, notify func(bus.Notice)) (Pair, bus.Receiver, witness) {
	p := open(t, bus.Options{CircuitBreak: bus.CircuitBreak{Overflows: 9, CoolDown: coolDown}})
	w := newWitness(t, p)
	settings := onceOpen(0) // the bus's cool-down
	r := subscribe(t, p.Subscriber, bus.Subscription{
		ID: "slow", Patterns: []string{"process"}, QueueCapacity: 4, Overflow: bus.BreakCircuit, CircuitBreak: settings, Notify: notify,
	})
	publish(t, p.Publisher, processes(pids(1, 4))...)
	w.settle(t)
	require.Equal(t, bus.CircuitClosed, r.Statistics().Circuit)
	return p, r, w
}

func circuitBreak(t *testing.T, open Opener) {
	// The cool-down is over by the next event, so only what the events do changes the circuit.
	p, r, w := circuit(t, open, time.Nanosecond, nil)
	publish(t, p.Publisher, processes(pids(5, 5))...)
	w.settle(t)
	require.Equal(t, bus.CircuitClosed, r.Statistics().Circuit, "one overflow is too few")
	publish(t, p.Publisher, process(6))
	w.settle(t)
	require.Equal(t, bus.CircuitOpen, r.Statistics().Circuit)
	require.Equal(t, bus.Drops{Overflow: 2}, r.Statistics().Drops)
	next(t, r)
	publish(t, p.Publisher, process(7), process(8)) // the probe, and one more although there is room
	next(t, r)
	publish(t, p.Publisher, process(9))
	w.settle(t)
	require.Equal(t, bus.CircuitHalfOpen, r.Statistics().Circuit)
	require.Equal(t, bus.Drops{Overflow: 2, Circuit: 2}, r.Statistics().Drops)
	for _, want := range []uint32{3, 4, 7} {
		got, _ := next(t, r).PID()
		require.Equal(t, want, got)
	}
	require.Equal(t, bus.CircuitClosed, r.Statistics().Circuit)
	publish(t, p.Publisher, process(10))
	got, _ := next(t, r).PID()
	require.Equal(t, uint32(10), got)
	require.Equal(t, uint64(1), r.Statistics().CircuitOpened)
}

func circuitStaysOpen(t *testing.T, open Opener) {
	p, r, w := circuit(t, open, time.Nanosecond, nil)
	publish(t, p.Publisher, processes(pids(5, 9))...)
	w.settle(t)
	require.Equal(t, bus.CircuitOpen, r.Statistics().Circuit)
	require.Equal(t, bus.Drops{Overflow: 2, Circuit: 3}, r.Statistics().Drops)

	// With a cool-down that does not end, room does not help.
	p, r, w = circuit(t, open, time.Hour, nil)
	publish(t, p.Publisher, processes(pids(5, 6))...)
	w.settle(t)
	for range 4 {
		next(t, r)
	}
	publish(t, p.Publisher, process(7))
	w.settle(t)
	require.Equal(t, bus.CircuitOpen, r.Statistics().Circuit)
	require.Equal(t, bus.Drops{Overflow: 2, Circuit: 1}, r.Statistics().Drops)
}

func circuitTold(t *testing.T, open Opener) {
	notices := make(chan bus.Notice, 100)
	p, r, w := circuit(t, open, time.Nanosecond, func(n bus.Notice) { notices <- n })
	publish(t, p.Publisher, processes(pids(5, 6))...)
	w.settle(t)
	awaitNotice(t, notices, func(n bus.Notice) bool { return n.Circuit == bus.CircuitOpen && n.CircuitOpened == 1 })
	next(t, r)
	publish(t, p.Publisher, process(7))
	w.settle(t)
	for range 4 {
		next(t, r)
	}
	awaitNotice(t, notices, func(n bus.Notice) bool { return n.Circuit == bus.CircuitClosed && n.CircuitOpened == 1 })
}

// awaitNotice returns the first notice that is the right one.
func awaitNotice(t *testing.T, notices <-chan bus.Notice, right func(bus.Notice) bool) bus.Notice {
	t.Helper()
	ctx := background(t)
	for {
		select {
		case n := <-notices:
			if right(n) {
				return n
			}
		case <-ctx.Done():
			require.FailNow(t, "the notice did not come")
		}
	}
}

func stuckUnderEachPolicy(t *testing.T, open Opener) {
	const events = 1000
	p := open(t, bus.Options{QueueCapacity: 2})
	policies := []bus.OverflowPolicy{bus.DropNewest, bus.DropOldest, bus.BreakCircuit}
	if p.remote() {
		policies = append(policies, bus.Block)
	}
	for _, policy := range policies {
		subscribe(t, p.Subscriber, bus.Subscription{ID: policy.String(), Overflow: policy})
	}
	healthy := subscribe(t, p.Subscriber, bus.Subscription{ID: "healthy", QueueCapacity: 2 * events})
	publish(t, p.Publisher, processes(pids(1, events))...)
	publish(t, p.Publisher, marker())
	require.Equal(t, pids(1, events), untilMarker(t, healthy))
	w := newWitness(t, p)
	w.settle(t)
	for _, s := range p.Subscriber.Statistics().Subscriptions {
		if s.ID != "healthy" && s.ID != "witness" {
			require.GreaterOrEqual(t, s.Matched, uint64(events+1), s.ID)
			require.Equal(t, s.Matched, s.Dropped+s.Queued, s.ID)
		}
	}
}

func dropsTold(t *testing.T, open Opener) {
	for _, policy := range []bus.OverflowPolicy{bus.DropNewest, bus.DropOldest, bus.Block} {
		p := open(t, bus.Options{PublishTimeout: time.Millisecond})
		notices := make(chan bus.Notice, 100)
		w := newWitness(t, p)
		r := subscribe(t, p.Subscriber, bus.Subscription{
			ID: "slow", Patterns: []string{"process"}, QueueCapacity: 1, Overflow: policy, Notify: func(n bus.Notice) { notices <- n },
		})
		for _, event := range processes(pids(1, 6)) {
			if err := p.Publisher.Publish(context.Background(), event); err != nil {
				require.ErrorIs(t, err, bus.ErrOverflow)
			}
		}
		w.settle(t)
		require.Equal(t, uint64(5), r.Statistics().Dropped)
		var told bus.Drops
		awaitNotice(t, notices, func(n bus.Notice) bool {
			require.Equal(t, "slow", n.Subscriber)
			require.Empty(t, n.Losses)
			told = told.Plus(n.Drops)
			return told == r.Statistics().Drops
		})
	}
}

func noFalseLosses(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	for round := range uint32(20) {
		publish(t, p.Publisher, processes(pids(1, 20))...) // nobody wants these, so they may not even be sent
		r := subscribe(t, p.Subscriber, bus.Subscription{ID: fmt.Sprint(round), Patterns: []string{"process"}})
		publish(t, p.Publisher, processes(pids(1, 20))...)
		publish(t, p.Publisher, marker())
		got := untilMarker(t, r)
		require.GreaterOrEqual(t, len(got), 20)
		require.Equal(t, pids(1, 20), got[len(got)-20:], "at most some of those on their way have come as well")
		require.NoError(t, p.Publisher.Flush(background(t)))
		require.Zero(t, r.Statistics().Lost)
		if round%3 > 0 {
			require.NoError(t, p.Subscriber.Unsubscribe(background(t), r.ID()))
		}
	}
	require.Zero(t, p.Subscriber.Statistics().Lost)
	require.Zero(t, p.Subscriber.Statistics().Stale)
}

func audited(t *testing.T, open Opener) {
	const events = 300
	var audit Audit
	p := open(t, bus.Options{})
	publisher := p.Publisher.Statistics().Publisher
	var readers []*Reader
	for _, policy := range []bus.OverflowPolicy{bus.DropNewest, bus.DropOldest, bus.BreakCircuit, bus.Block} {
		readers = append(readers, audit.Subscribe(t, p.Subscriber, bus.Subscription{
			ID: policy.String(), QueueCapacity: 3, Overflow: policy, CircuitBreak: onceOpen(time.Microsecond),
		}, false, nil))
	}
	var publishers sync.WaitGroup
	for _, topic := range []string{"events.process.lifecycle", "events.process.tree"} {
		publishers.Go(func() {
			for _, event := range processes(pids(1, events)) {
				require.NoError(t, audit.Publish(background(t), p.Publisher, publisher, on(topic, event)))
			}
		})
	}
	publishers.Wait()
	require.NoError(t, p.Publisher.Flush(background(t)))
	for _, r := range readers {
		account := r.Settle(t)
		require.Equal(t, uint64(2*events), account.Published)
		require.Zero(t, account.Lost)
	}
}

func callbacks(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	done := make(chan error, 1)
	var once sync.Once
	subscribe(t, p.Subscriber, bus.Subscription{
		ID: "slow", Patterns: []string{"process"}, QueueCapacity: 1, Overflow: bus.DropNewest,
		Notify: func(bus.Notice) {
			once.Do(func() {
				r, err := p.Subscriber.Subscribe(context.Background(), bus.Subscription{ID: "from the callback", Patterns: []string{"network"}})
				err = errors.Join(err, p.Subscriber.Publish(context.Background(), bus.Event{Payload: &bus.NetworkEvent{ConnectionID: "c"}}))
				if err == nil {
					_, err = r.Next(background(t))
				}
				err = errors.Join(err, p.Subscriber.Unsubscribe(context.Background(), "from the callback"))
				done <- errors.Join(err, p.Subscriber.Unsubscribe(context.Background(), "slow"))
			})
		},
	})
	publish(t, p.Publisher, processes(pids(1, 5))...)
	require.NoError(t, <-done)
	require.Zero(t, p.Subscriber.Statistics().ActiveSubscribers)
}

func endsHarmNobody(t *testing.T, open Opener) {
	const events = 2000
	p := open(t, bus.Options{QueueCapacity: events + 1})
	stable := subscribe(t, p.Subscriber, bus.Subscription{ID: "stable", Patterns: []string{"events.process.+", "events.#"}})
	done := make(chan struct{})
	var churn sync.WaitGroup
	for i := range 3 {
		churn.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				id := fmt.Sprintf("%d-%d", i, n)
				r := subscribe(t, p.Subscriber, bus.Subscription{ID: id, Patterns: []string{"events.*.lifecycle"}, QueueCapacity: 1, Overflow: bus.DropOldest})
				_, err := r.TryNext()
				require.NoError(t, err)
				require.NoError(t, p.Subscriber.Unsubscribe(background(t), id))
			}
		})
	}
	publish(t, p.Publisher, processes(pids(1, events))...)
	close(done)
	churn.Wait()
	publish(t, p.Publisher, marker())
	require.Equal(t, pids(1, events), untilMarker(t, stable))
	require.Zero(t, p.Subscriber.Statistics().Lost)
}

const many = 100_000

// queueMany returns a subscription in whose queue many events wait.
func queueMany(t *testing.T, open Opener, notify func(bus.Notice)) (Pair, bus.Receiver) {
	p := open(t, bus.Options{})
	w := newWitness(t, p)
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"process"}, QueueCapacity: many, Notify: notify})
	event := process(1)
	for i := range many {
		require.NoError(t, p.Publisher.Publish(context.Background(), event))
		if i%2000 == 0 {
			w.settle(t) // no transport takes more than it has room for
		}
	}
	w.settle(t)
	require.Equal(t, uint64(many), r.Statistics().Queued)
	require.Equal(t, uint64(many), r.Statistics().HighWater)
	return p, r
}

func shutdownDeliversMany(t *testing.T, open Opener) {
	p, r := queueMany(t, open, nil)
	result := make(chan error, 1)
	go func() { result <- p.Subscriber.Shutdown(background(t)) }()
	got := 0
	for _, err := range r.All(background(t)) {
		require.NoError(t, err)
		got++
	}
	require.NoError(t, <-result)
	require.Equal(t, many, got)
}

func shutdownCutsOffMany(t *testing.T, open Opener) {
	var mu sync.Mutex
	var told bus.Drops
	p, r := queueMany(t, open, func(n bus.Notice) {
		mu.Lock()
		defer mu.Unlock()
		told = told.Plus(n.Drops)
	})
	const taken = 1234
	for range taken {
		next(t, r)
	}
	ctx, cancel := context.WithTimeout(background(t), time.Millisecond)
	defer cancel()
	err := p.Subscriber.Shutdown(ctx)
	cut, ok := errors.AsType[*bus.ShutdownError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, uint64(many-taken), cut.Discarded)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, bus.Drops{Shutdown: many - taken}, told, "the subscriber was told by the time Shutdown returned")
	require.Equal(t, bus.Drops{Shutdown: many - taken}, r.Statistics().Drops)
	_, err = r.TryNext()
	require.ErrorIs(t, err, bus.ErrSubscriptionEnded)
}
