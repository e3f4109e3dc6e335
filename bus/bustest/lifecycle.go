package bustest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

var lifecycleCases = []contractCase{
	{10, "duplicate_subscriber", "A second subscription under a live ID of the same bus value is refused; IDs of others are their own.", duplicate},
	{10, "too_many_subscribers", "Past max_subscribers: ErrTooManySubscribers.", tooMany},
	{11, "unsubscribe_ends_after_the_queue", "Unsubscribe ends the receiver's iteration after what is queued.", unsubscribeEnds},
	{11, "unsubscribe_is_idempotent", "An unknown ID is no error; Unsubscribe is idempotent.", unsubscribeTwice},
	{11, "unsubscribe_wakes_the_reader", "A reader that waits ends with its subscription.", unsubscribeWakes},
	{11, "unsubscribe_frees_publishers", "A publisher that waits for a subscription goes on when it ends.", unsubscribeFrees},
	{13, "statistics", "Statistics count published, delivered, dropped and active subscribers, for the bus and each subscription.", statistics},
	{13, "published_by_topic", "A bus that counts by topic counts what it has published, and keeps that after Shutdown.", publishedByTopic},
	{14, "shutdown_delivers_what_is_queued", "Shutdown stops intake and delivers what is queued; iterations end.", shutdownDelivers},
	{14, "shutdown_says_what_was_cut_off", "When its context ends first, Shutdown says how much was cut off, and counts it.", shutdownCutsOff},
	{14, "shutdown_closes", "After Shutdown every method returns ErrClosed; twice is fine; statistics stay.", shutdownCloses},
	{14, "shutdown_frees_publishers", "A publisher blocked in Publish returns ErrClosed.", shutdownFrees},
}

func duplicate(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	again, err := p.Subscriber.Subscribe(background(t), bus.Subscription{ID: "s", Patterns: []string{"network"}})
	require.ErrorIs(t, err, bus.ErrDuplicateSubscriber)
	require.ErrorContains(t, err, `"s"`)
	require.Nil(t, again)
	if p.remote() {
		subscribe(t, p.Publisher, bus.Subscription{ID: "s"})
	}
	publish(t, p.Publisher, marker())
	require.Empty(t, untilMarker(t, r))
	require.NoError(t, p.Subscriber.Unsubscribe(background(t), "s"))
	subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
}

func tooMany(t *testing.T, open Opener) {
	p := open(t, bus.Options{MaxSubscribers: 2})
	subscribe(t, p.Subscriber, bus.Subscription{ID: "a"})
	subscribe(t, p.Subscriber, bus.Subscription{ID: "b"})
	r, err := p.Subscriber.Subscribe(background(t), bus.Subscription{ID: "c"})
	require.ErrorIs(t, err, bus.ErrTooManySubscribers)
	require.ErrorContains(t, err, `"c"`)
	require.Nil(t, r)
	require.NoError(t, p.Subscriber.Unsubscribe(background(t), "a"))
	subscribe(t, p.Subscriber, bus.Subscription{ID: "c"})
}

func unsubscribeEnds(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	w := newWitness(t, p)
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"process"}})
	publish(t, p.Publisher, processes(pids(1, 5))...)
	w.settle(t)
	require.NoError(t, p.Subscriber.Unsubscribe(background(t), "s"))
	publish(t, p.Publisher, process(6))
	w.settle(t)
	var got []uint32
	for event, err := range r.All(background(t)) {
		require.NoError(t, err)
		pid, _ := event.PID()
		got = append(got, pid)
	}
	require.Equal(t, pids(1, 5), got)
	_, err := r.Next(background(t))
	require.ErrorIs(t, err, bus.ErrSubscriptionEnded)
	_, err = r.TryNext()
	require.ErrorIs(t, err, bus.ErrSubscriptionEnded)
	// What was read after the end is counted all the same.
	total := p.Subscriber.Statistics()
	require.Equal(t, uint64(7), total.Matched)
	require.Equal(t, uint64(7), total.Delivered)
	require.Equal(t, 1, total.ActiveSubscribers)
}

func unsubscribeTwice(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	for _, id := range []string{"s", "s", "never", ""} {
		require.NoError(t, p.Subscriber.Unsubscribe(background(t), id))
	}
}

func unsubscribeWakes(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			_, err := r.Next(background(t))
			require.ErrorIs(t, err, bus.ErrSubscriptionEnded)
		})
	}
	require.NoError(t, p.Subscriber.Unsubscribe(background(t), "s"))
	readers.Wait()
}

func unsubscribeFrees(t *testing.T, open Opener) {
	p, r := full(t, open, bus.Options{PublishTimeout: Patience})
	if p.remote() {
		remoteOverflow(t, p, r)
		return
	}
	other := subscribe(t, p.Subscriber, bus.Subscription{ID: "other", Patterns: []string{"process"}})
	result := make(chan error, 1)
	go func() { result <- p.Publisher.Publish(background(t), process(3)) }()
	next(t, other)
	require.NoError(t, p.Subscriber.Unsubscribe(background(t), "slow"))
	require.NoError(t, <-result)
	require.Equal(t, uint64(2), r.Statistics().Matched)
}

func publishedByTopic(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	counter, ok := bus.As[bus.TopicCounter](p.Publisher)
	if !ok {
		return // it need not
	}
	require.Empty(t, maps.Collect(counter.PublishedByTopic()))
	publish(t, p.Publisher, process(1), on("events.process.tree", process(2)), process(3))
	require.ErrorIs(t, p.Publisher.Publish(background(t), bus.Event{}), bus.ErrInvalid)
	want := map[string]uint64{subjects.ProcessLifecycle: 2, "events.process.tree": 1}
	require.Equal(t, want, maps.Collect(counter.PublishedByTopic()))
	for topic, n := range counter.PublishedByTopic() {
		require.Equal(t, want[topic], n)
		break
	}
	require.NoError(t, p.Publisher.Shutdown(background(t)))
	require.Equal(t, want, maps.Collect(counter.PublishedByTopic()))
}

// Counters is a [bus.Statistics] without what differs from run to run.
type Counters struct {
	Published, PublishedBytes, Matched, Delivered, Dropped, Queued, Lost, Malformed, Stale, Overruns uint64

	Drops             bus.Drops
	ActiveSubscribers int
	Connected         bool
	Subscriptions     []bus.SubscriptionStatistics
}

// timeless is a snapshot without what differs from run to run.
func timeless(s bus.SubscriptionStatistics) bus.SubscriptionStatistics {
	s.Lag, s.FullFor, s.WaitsIn = 0, 0, ""
	return s
}

// Work does a fixed list of operations and returns the counters at its end: equal on every bus.
func Work(t testing.TB, open Opener) Counters {
	p := open(t, bus.Options{QueueCapacity: 8, Overflow: bus.DropNewest})
	w := newWitness(t, p)
	all := subscribe(t, p.Subscriber, bus.Subscription{ID: "all", QueueCapacity: 100})
	subscribe(t, p.Subscriber, bus.Subscription{ID: "newest", Patterns: []string{"process"}})
	subscribe(t, p.Subscriber, bus.Subscription{ID: "oldest", Patterns: []string{"process", "events.#"}, Overflow: bus.DropOldest})
	subscribe(t, p.Subscriber, bus.Subscription{
		ID: "circuit", Patterns: []string{"process"}, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 5, CoolDown: time.Hour},
	})
	subscribe(t, p.Subscriber, bus.Subscription{ID: "filtered", Events: bus.EventFilter{PIDs: []uint32{3, 4}}})
	ended := subscribe(t, p.Subscriber, bus.Subscription{ID: "ended", Patterns: []string{"process"}})
	publish(t, p.Publisher, processes(pids(1, 20))...)
	w.settle(t)
	for range 10 {
		next(t, all)
	}
	next(t, ended)
	require.NoError(t, p.Subscriber.Unsubscribe(background(t), "ended"))
	next(t, ended)
	require.Error(t, p.Publisher.Publish(background(t), bus.Event{}))
	publish(t, p.Publisher, bus.Event{Payload: &bus.FilesystemEvent{Path: "/", Timestamp: time.Now()}})
	w.settle(t)
	s, published := p.Subscriber.Statistics(), p.Publisher.Statistics()
	for i := range s.Subscriptions {
		s.Subscriptions[i] = timeless(s.Subscriptions[i])
	}
	return Counters{
		Published: published.Published, PublishedBytes: published.PublishedBytes, Matched: s.Matched, Delivered: s.Delivered,
		Dropped: s.Dropped, Queued: s.Queued, Lost: s.Lost, Malformed: s.Malformed, Stale: s.Stale, Overruns: s.Overruns, Drops: s.Drops,
		ActiveSubscribers: s.ActiveSubscribers, Connected: s.Connected, Subscriptions: s.Subscriptions,
	}
}

func statistics(t *testing.T, open Opener) {
	got := Work(t, open)
	require.Positive(t, got.PublishedBytes)
	got.PublishedBytes = 0
	for i := range got.Subscriptions {
		require.Positive(t, got.Subscriptions[i].MatchedBytes)
		got.Subscriptions[i].MatchedBytes = 0
	}
	require.Equal(t, Counters{
		Published: 23, Matched: 23 + 20 + 20 + 23 + 2 + 20 + 2, Delivered: 10 + 2 + 2, Dropped: 12 + 12 + 15 + 12, Queued: 13 + 8 + 8 + 8 + 2 + 6,
		Drops: bus.Drops{Overflow: 12 + 12 + 5, Displaced: 15, Circuit: 7}, ActiveSubscribers: 6, Connected: true,
		Subscriptions: []bus.SubscriptionStatistics{
			{ID: "all", Matched: 23, Delivered: 10, Queued: 13, QueueCapacity: 100, HighWater: 21, Overflow: bus.DropNewest},
			{
				ID: "circuit", Matched: 20, Dropped: 12, Drops: bus.Drops{Overflow: 5, Circuit: 7}, Queued: 8, QueueCapacity: 8, HighWater: 8,
				Overflow: bus.BreakCircuit, Circuit: bus.CircuitOpen, CircuitOpened: 1,
			},
			{ID: "filtered", Matched: 2, Queued: 2, QueueCapacity: 8, HighWater: 2, Overflow: bus.DropNewest},
			{
				ID: "newest", Matched: 20, Dropped: 12, Drops: bus.Drops{Overflow: 12}, Queued: 8, QueueCapacity: 8, HighWater: 8,
				Overflow: bus.DropNewest,
			},
			{
				ID: "oldest", Matched: 23, Dropped: 15, Drops: bus.Drops{Displaced: 15}, Queued: 8, QueueCapacity: 8, HighWater: 8,
				Overflow: bus.DropOldest,
			},
			{ID: "witness", Matched: 2, Delivered: 2, QueueCapacity: 8, HighWater: 1, Overflow: bus.DropNewest},
		},
	}, got)

	p := open(t, bus.Options{})
	require.Positive(t, p.Publisher.Statistics().Uptime)
	encoded, err := json.Marshal(p.Publisher.Statistics())
	require.NoError(t, err)
	var keys map[string]any
	require.NoError(t, json.Unmarshal(encoded, &keys))
	for _, key := range []string{"published", "delivered", "dropped", "lost", "active_subscribers", "uptime_ns", "subscriptions", "drops", "published_bytes", "reconnects"} {
		require.Contains(t, keys, key)
	}
}

func shutdownDelivers(t *testing.T, open Opener) {
	const events = 1000
	p := open(t, bus.Options{})
	w := newWitness(t, p)
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"process"}, QueueCapacity: events})
	publish(t, p.Publisher, processes(pids(1, events))...)
	w.settle(t)
	result := make(chan error, 1)
	go func() { result <- p.Subscriber.Shutdown(background(t)) }()
	var got []uint32
	for event, err := range r.All(background(t)) {
		require.NoError(t, err)
		pid, _ := event.PID()
		got = append(got, pid)
	}
	require.NoError(t, <-result)
	require.Equal(t, pids(1, events), got)
	s := p.Subscriber.Statistics()
	require.Equal(t, uint64(events+1), s.Delivered)
	require.Zero(t, s.Dropped)
}

func shutdownCutsOff(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	w := newWitness(t, p)
	a := subscribe(t, p.Subscriber, bus.Subscription{ID: "a", Patterns: []string{"process"}})
	b := subscribe(t, p.Subscriber, bus.Subscription{ID: "b", Patterns: []string{"process"}})
	publish(t, p.Publisher, processes(pids(1, 10))...)
	w.settle(t)
	for range 3 {
		next(t, a)
	}
	ctx, cancel := context.WithTimeout(background(t), 50*time.Millisecond)
	defer cancel()
	err := p.Subscriber.Shutdown(ctx)
	cut, ok := errors.AsType[*bus.ShutdownError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, uint64(17), cut.Discarded)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	for _, r := range []bus.Receiver{a, b} {
		_, err := r.Next(background(t))
		require.ErrorIs(t, err, bus.ErrSubscriptionEnded)
	}
	s := p.Subscriber.Statistics()
	require.Equal(t, uint64(21), s.Matched)
	require.Equal(t, uint64(4), s.Delivered)
	require.Equal(t, uint64(17), s.Dropped)
	require.Equal(t, uint64(7), a.Statistics().Dropped)
	require.Equal(t, uint64(10), b.Statistics().Dropped)
}

func shutdownCloses(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	publish(t, p.Publisher, process(1))
	for _, b := range []bus.Bus{p.Publisher, p.Subscriber} {
		require.NoError(t, b.Shutdown(background(t)))
		require.NoError(t, b.Shutdown(background(t)))
		require.ErrorIs(t, b.Publish(background(t), process(1)), bus.ErrClosed)
		require.ErrorIs(t, b.Flush(background(t)), bus.ErrClosed)
		_, err := b.Subscribe(background(t), bus.Subscription{ID: "s"})
		require.ErrorIs(t, err, bus.ErrClosed)
		require.NoError(t, b.Unsubscribe(background(t), "s"))
	}
	require.Equal(t, uint64(1), p.Publisher.Statistics().Published)
	require.False(t, p.Publisher.Statistics().Connected)
}

func shutdownFrees(t *testing.T, open Opener) {
	p, r := full(t, open, bus.Options{PublishTimeout: Patience})
	if p.remote() {
		remoteOverflow(t, p, r)
		return
	}
	other := subscribe(t, p.Subscriber, bus.Subscription{ID: "other", Patterns: []string{"process"}, QueueCapacity: 10})
	results := make(chan error, 3)
	for range 3 {
		go func() { results <- p.Publisher.Publish(background(t), process(3)) }()
	}
	for range 3 {
		next(t, other) // the publishers are past it, and wait or are about to
	}
	done := make(chan error, 1)
	go func() { done <- p.Publisher.Shutdown(background(t)) }()
	for range 3 {
		require.ErrorIs(t, <-results, bus.ErrClosed)
	}
	for range r.All(background(t)) {
	}
	require.NoError(t, <-done, fmt.Sprint(p.Publisher.Statistics()))
}
