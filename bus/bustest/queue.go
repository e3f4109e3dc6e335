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

var queueCases = []contractCase{
	{7, "drop_newest", "With drop-newest a full queue keeps what it has; what comes is dropped and counted.", dropNewest},
	{7, "drop_oldest", "With drop-oldest a full queue makes room by dropping its oldest event, which is counted.", dropOldest},
	{7, "block_waits_for_room", "With block the publisher waits until there is room, and nothing is dropped.", blockWaits},
	{7, "block_ends_with_the_context", "The publisher's context ends the wait; the error names the subscriber; the others got the event.", blockEnds},
	{7, "block_ends_with_the_timeout", "Without a deadline of its own a Publish that blocks ends after publish_timeout.", blockTimesOut},
	{7, "queue_options", "Each subscription has its own capacity and policy; the bus's options are the default.", queueOptions},
	{9, "balance", "Per subscription matched = delivered + dropped + queued, in every snapshot.", balance},
}

// overflow publishes ten events to a queue of four that nobody reads, and returns the receiver.
func overflow(t *testing.T, open Opener, policy bus.OverflowPolicy) bus.Receiver {
	p := open(t, bus.Options{})
	w := newWitness(t, p)
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "slow", Patterns: []string{"process"}, QueueCapacity: 4, Overflow: policy})
	publish(t, p.Publisher, processes(pids(1, 10))...)
	w.settle(t)
	got := r.Statistics()
	require.Equal(t, uint64(10), got.Matched)
	require.Equal(t, uint64(6), got.Dropped)
	require.Equal(t, uint64(4), got.Queued)
	require.Equal(t, policy, got.Overflow)
	require.Positive(t, got.Lag)
	require.Positive(t, got.FullFor)
	return r
}

func dropNewest(t *testing.T, open Opener) {
	r := overflow(t, open, bus.DropNewest)
	for _, want := range pids(1, 4) {
		got, _ := next(t, r).PID()
		require.Equal(t, want, got)
	}
	require.Equal(t, uint64(4), r.Statistics().Delivered)
}

func dropOldest(t *testing.T, open Opener) {
	r := overflow(t, open, bus.DropOldest)
	for _, want := range pids(7, 10) {
		got, _ := next(t, r).PID()
		require.Equal(t, want, got)
	}
	require.Equal(t, uint64(4), r.Statistics().Delivered)
}

// full returns a pair with a subscription "slow" that blocks and has no room left.
func full(t *testing.T, open Opener, options bus.Options) (Pair, bus.Receiver) {
	p := open(t, options)
	w := newWitness(t, p)
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "slow", Patterns: []string{"process"}, QueueCapacity: 2, Overflow: bus.Block})
	publish(t, p.Publisher, processes(pids(1, 2))...)
	w.settle(t)
	require.Equal(t, uint64(2), r.Statistics().Queued)
	return p, r
}

// remoteOverflow is what block means for a publisher in another process: it does not wait, and the overflow is counted.
func remoteOverflow(t *testing.T, p Pair, r bus.Receiver) {
	other := subscribe(t, p.Subscriber, bus.Subscription{ID: "other", Patterns: []string{"process"}})
	publish(t, p.Publisher, process(3))
	pid, _ := next(t, other).PID()
	require.Equal(t, uint32(3), pid)
	require.Eventually(t, func() bool { return r.Statistics().Dropped == 1 }, Patience, time.Millisecond)
}

func blockWaits(t *testing.T, open Opener) {
	p, r := full(t, open, bus.Options{})
	if p.remote() {
		remoteOverflow(t, p, r)
		return
	}
	var published sync.WaitGroup
	for _, pid := range pids(3, 6) {
		published.Go(func() { publish(t, p.Publisher, process(pid)) })
	}
	seen := map[uint32]bool{}
	for range 6 {
		pid, _ := next(t, r).PID()
		seen[pid] = true
	}
	published.Wait()
	require.Len(t, seen, 6)
	require.Equal(t, uint64(0), r.Statistics().Dropped)
}

func blockEnds(t *testing.T, open Opener) {
	p, r := full(t, open, bus.Options{})
	if p.remote() {
		remoteOverflow(t, p, r)
		return
	}
	other := subscribe(t, p.Subscriber, bus.Subscription{ID: "other", Patterns: []string{"process"}})
	ctx, cancel := context.WithCancel(background(t))
	result := make(chan error, 1)
	go func() { result <- p.Publisher.Publish(ctx, process(3)) }()
	pid, _ := next(t, other).PID()
	require.Equal(t, uint32(3), pid, "the other subscriber has the event while the publisher waits")
	cancel()
	err := <-result
	overflowed, ok := errors.AsType[*bus.OverflowError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "slow", overflowed.Subscriber)
	require.ErrorIs(t, err, bus.ErrOverflow)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, uint64(1), r.Statistics().Dropped)
	require.Equal(t, uint64(0), other.Statistics().Dropped)
}

func blockTimesOut(t *testing.T, open Opener) {
	p, r := full(t, open, bus.Options{PublishTimeout: 10 * time.Millisecond})
	if p.remote() {
		remoteOverflow(t, p, r)
		return
	}
	begin := time.Now()
	err := p.Publisher.Publish(context.Background(), process(3))
	require.GreaterOrEqual(t, time.Since(begin), 10*time.Millisecond)
	require.ErrorIs(t, err, bus.ErrOverflow)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "slow")
}

func queueOptions(t *testing.T, open Opener) {
	p := open(t, bus.Options{QueueCapacity: 3, Overflow: bus.DropNewest})
	usual := subscribe(t, p.Subscriber, bus.Subscription{ID: "usual"})
	own := subscribe(t, p.Subscriber, bus.Subscription{ID: "own", QueueCapacity: 5, Overflow: bus.DropOldest})
	require.Equal(t, bus.SubscriptionStatistics{ID: "usual", QueueCapacity: 3, Overflow: bus.DropNewest}, usual.Statistics())
	require.Equal(t, bus.SubscriptionStatistics{ID: "own", QueueCapacity: 5, Overflow: bus.DropOldest}, own.Statistics())
}

func balance(t *testing.T, open Opener) {
	const publishers, events = 4, 500
	p := open(t, bus.Options{})
	w := newWitness(t, p)
	var work, readers sync.WaitGroup
	var receivers []bus.Receiver
	for i, policy := range []bus.OverflowPolicy{bus.DropNewest, bus.DropOldest, bus.Block} {
		r := subscribe(t, p.Subscriber, bus.Subscription{ID: fmt.Sprint("s", i), Patterns: []string{"process"}, QueueCapacity: 3, Overflow: policy})
		receivers = append(receivers, r)
		readers.Go(func() {
			for range r.All(background(t)) {
			}
		})
	}
	for range publishers {
		work.Go(func() { publish(t, p.Publisher, processes(pids(1, events))...) })
	}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		statistics := p.Subscriber.Statistics()
		require.Equal(t, statistics.Matched, statistics.Delivered+statistics.Dropped+statistics.Queued)
		for _, s := range statistics.Subscriptions {
			require.Equal(t, s.Matched, s.Delivered+s.Dropped+s.Queued, "%+v", s)
			require.LessOrEqual(t, s.Queued, uint64(s.QueueCapacity))
		}
	}
	w.settle(t)
	for _, r := range receivers {
		require.Equal(t, uint64(publishers*events), r.Statistics().Matched)
		require.NoError(t, p.Subscriber.Unsubscribe(background(t), r.ID()))
	}
	readers.Wait()
	statistics := p.Subscriber.Statistics()
	require.Equal(t, uint64(len(receivers)*publishers*events+1), statistics.Matched)
	require.Equal(t, statistics.Matched, statistics.Delivered+statistics.Dropped)
}
