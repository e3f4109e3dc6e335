package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func event(topic string) *bus.Event {
	return &bus.Event{Topic: topic, Payload: &bus.ProcessEvent{PID: 1}}
}

// outside records what is sent, and is interested in what it is told.
type outside struct {
	interested func(topic string) bool
	err        error

	mu   sync.Mutex
	sent []*bus.Event
}

func (o *outside) Push() error { return o.err }

func (o *outside) Send(event *bus.Event) (push bool, err error) {
	if !o.interested(event.Topic) {
		return false, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, event)
	return true, nil
}

func newEngine(t testing.TB, options *bus.Options, o engine.Outside) *engine.Engine {
	e, err := engine.New(options, o)
	require.NoError(t, err)
	return e
}

func TestSequenceCountsEveryPublishOfATopic(t *testing.T) {
	wanted := true
	o := &outside{interested: func(topic string) bool { return wanted && topic == "events.a.b" }}
	e := newEngine(t, nil, o)
	for i := range 6 {
		wanted = i%2 == 0
		require.NoError(t, e.Publish(t.Context(), event("events.a.b")))
		require.NoError(t, e.Publish(t.Context(), event("events.a.c")))
	}
	require.Len(t, o.sent, 3)
	for i, sent := range o.sent {
		require.Equal(t, uint64(2*i+1), sent.Sequence, "what was not sent is counted too")
	}
}

func TestSequenceGrowsOnTheWire(t *testing.T) {
	o := &outside{interested: func(string) bool { return true }}
	e := newEngine(t, nil, o)
	var publishers sync.WaitGroup
	for range 4 {
		publishers.Go(func() {
			for range 500 {
				require.NoError(t, e.Publish(context.Background(), event("events.a.b")))
			}
		})
	}
	publishers.Wait()
	for i, sent := range o.sent {
		require.Equal(t, uint64(i+1), sent.Sequence)
	}
}

func TestSendErrorDoesNotKeepTheEventFromThisProcess(t *testing.T) {
	o := &outside{interested: func(string) bool { return true }, err: errors.New("gone")}
	e := newEngine(t, nil, o)
	s, err := e.Subscribe(t.Context(), bus.Subscription{ID: "s"})
	require.NoError(t, err)
	require.ErrorIs(t, e.Publish(t.Context(), event("events.a.b")), o.err)
	got, err := s.TryNext()
	require.NoError(t, err)
	require.Equal(t, "events.a.b", got.Topic)
}

func TestTopicsBeyondTheTableAreRoutedButNotCounted(t *testing.T) {
	e := newEngine(t, &bus.Options{QueueCapacity: 1, Overflow: bus.DropOldest}, nil)
	s, err := e.Subscribe(t.Context(), bus.Subscription{ID: "s"})
	require.NoError(t, err)
	const table = 1 << 16
	for i := range table + 10 {
		require.NoError(t, e.Publish(t.Context(), event(fmt.Sprint("events.topic.t", i))))
		got, err := s.TryNext()
		require.NoError(t, err)
		require.Equal(t, i < table, got.Sequence == 1, "topic %d has sequence %d", i, got.Sequence)
	}
	require.NoError(t, e.Publish(t.Context(), event("events.topic.t0")))
	got, err := s.TryNext()
	require.NoError(t, err)
	require.Equal(t, uint64(2), got.Sequence)
}

// TestBlockedPublishersDoNotWaitForEachOthersSubscribers has one queue that stays full and one that is read.
func TestBlockedPublishersDoNotWaitForEachOthersSubscribers(t *testing.T) {
	e := newEngine(t, &bus.Options{QueueCapacity: 1}, nil)
	_, err := e.Subscribe(t.Context(), bus.Subscription{ID: "stuck", Patterns: []string{"events.a.#"}})
	require.NoError(t, err)
	reader, err := e.Subscribe(t.Context(), bus.Subscription{ID: "reader", Patterns: []string{"events.#"}})
	require.NoError(t, err)
	require.NoError(t, e.Publish(t.Context(), event("events.a.b"))) // both are full now
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- e.Publish(ctx, event("events.a.c")) }()
	for _, topic := range []string{"events.a.b", "events.a.c"} {
		got, err := reader.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, topic, got.Topic, "the reader gets its event while the publisher still waits for the other one")
	}
	require.NoError(t, e.Publish(ctx, event("events.b.b")), "a publisher that the stuck one does not concern goes on")
	cancel()
	err = <-result
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "stuck")
	require.NotContains(t, err.Error(), "reader")
}

func TestRemoteEventsNeverWait(t *testing.T) {
	e := newEngine(t, &bus.Options{QueueCapacity: 2, Overflow: bus.Block}, nil)
	s, err := e.Subscribe(t.Context(), bus.Subscription{ID: "s"})
	require.NoError(t, err)
	for range 5 {
		e.Receive(&engine.Item{Event: *event("events.a.b")}, 10)
	}
	statistics := s.Statistics()
	require.Equal(t, uint64(5), statistics.Matched)
	require.Equal(t, bus.Drops{Remote: 3}, statistics.Drops)
	require.Equal(t, uint64(2), statistics.Queued)
	require.Equal(t, uint64(50), e.Statistics().ReceivedBytes)
	require.Equal(t, uint64(5), e.Statistics().Received)
}
