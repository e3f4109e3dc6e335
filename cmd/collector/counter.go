package main

import (
	"context"
	"errors"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
)

// counter publishes for the collectors and counts what the bus accepted, by topic. Counting here costs an addition an event,
// where a subscription would cost a queue. Its methods may be called from any goroutine at once.
type counter struct {
	next   collect.Publisher
	topics sync.Map // topic -> *atomic.Uint64; the collectors have a fixed set of topics
}

var _ collect.Publisher = (*counter)(nil)

// Publish implements [collect.Publisher].
func (c *counter) Publish(ctx context.Context, event bus.Event) error {
	err := c.next.Publish(ctx, event)
	if accepted(err) {
		c.count(event)
	}
	return err
}

// accepted says whether an event counts as published, although some receiver may not have got it.
func accepted(err error) bool {
	return err == nil || errors.Is(err, bus.ErrOverflow) || errors.Is(err, bus.ErrUndelivered)
}

func (c *counter) count(event bus.Event) {
	topic := event.Topic
	if topic == "" {
		topic = event.Type().DefaultTopic() // as the bus does on its own copy
	}
	n, ok := c.topics.Load(topic)
	if !ok {
		n, _ = c.topics.LoadOrStore(topic, new(atomic.Uint64))
	}
	n.(*atomic.Uint64).Add(1)
}

// counts are numbers of events by topic.
type counts map[string]uint64

// counts returns a snapshot.
func (c *counter) counts() counts {
	return maps.Collect(func(yield func(string, uint64) bool) {
		c.topics.Range(func(topic, n any) bool { return yield(topic.(string), n.(*atomic.Uint64).Load()) })
	})
}
