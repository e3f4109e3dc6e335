package bustest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

var tuningCases = []contractCase{
	{20, "new_subscriptions", "Another tuning is that of new subscriptions, and of no other.", tunesNewSubscriptions},
	{20, "publish_timeout", "Another publish_timeout bounds the waits that begin from then on.", tunesPublishTimeout},
	{20, "bad_tuning", "A tuning out of range is refused by field and value, and changes nothing.", refusesTuning},
}

func tuner(t testing.TB, b bus.Bus) bus.Tuner {
	tuner, ok := bus.As[bus.Tuner](b)
	require.True(t, ok, "%T", b)
	return tuner
}

func tunesNewSubscriptions(t *testing.T, open Opener) {
	p := open(t, bus.Options{QueueCapacity: 5, Overflow: bus.DropOldest})
	before := subscribe(t, p.Subscriber, bus.Subscription{ID: "before"})
	require.NoError(t, tuner(t, p.Subscriber).Tune(bus.Tuning{QueueCapacity: 7, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 1}}))
	after := subscribe(t, p.Subscriber, bus.Subscription{ID: "after"})
	chosen := subscribe(t, p.Subscriber, bus.Subscription{ID: "chosen", QueueCapacity: 3, Overflow: bus.DropNewest})
	for r, want := range map[bus.Receiver]struct {
		capacity int
		overflow bus.OverflowPolicy
	}{before: {5, bus.DropOldest}, after: {7, bus.BreakCircuit}, chosen: {3, bus.DropNewest}} {
		require.Equal(t, want.capacity, r.Statistics().QueueCapacity, r.ID())
		require.Equal(t, want.overflow, r.Statistics().Overflow, r.ID())
	}
	w := newWitness(t, p)
	publish(t, p.Publisher, processes(pids(1, 8))...)
	w.settle(t)
	require.Equal(t, bus.CircuitOpen, after.Statistics().Circuit, "one overflow opens it")
	require.NoError(t, tuner(t, p.Subscriber).Tune(bus.Tuning{}))
	defaults := subscribe(t, p.Subscriber, bus.Subscription{ID: "defaults"})
	require.Equal(t, bus.DefaultQueueCapacity, defaults.Statistics().QueueCapacity)
	require.Equal(t, bus.Block, defaults.Statistics().Overflow)
}

func tunesPublishTimeout(t *testing.T, open Opener) {
	p := open(t, bus.Options{PublishTimeout: time.Hour})
	subscribe(t, p.Publisher, bus.Subscription{ID: "stuck", QueueCapacity: 1, Overflow: bus.Block})
	require.NoError(t, tuner(t, p.Publisher).Tune(bus.Tuning{PublishTimeout: time.Millisecond}))
	publish(t, p.Publisher, process(1))
	err := p.Publisher.Publish(t.Context(), process(2))
	require.ErrorIs(t, err, bus.ErrOverflow)
}

func refusesTuning(t *testing.T, open Opener) {
	p := open(t, bus.Options{QueueCapacity: 5})
	for field, tuning := range map[string]bus.Tuning{
		"queue_capacity":          {QueueCapacity: bus.MaxQueueCapacity + 1},
		"overflow":                {QueueCapacity: 9, Overflow: 99},
		"circuit_break.overflows": {QueueCapacity: 9, CircuitBreak: bus.CircuitBreak{Overflows: -1}},
		"publish_timeout":         {QueueCapacity: 9, PublishTimeout: -1},
	} {
		invalid, ok := errors.AsType[*bus.InvalidError](tuner(t, p.Subscriber).Tune(tuning))
		require.True(t, ok, field)
		require.Equal(t, field, invalid.Field)
	}
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	require.Equal(t, 5, r.Statistics().QueueCapacity)
}
