package main

import (
	"context"
	"sync"

	"github.com/cskr/pubsub/v2"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/bench"
)

// topic is where the peers that have exact topics publish.
const topic = "events.process.lifecycle"

// cskrSystem is cskr/pubsub: one goroutine that hands what comes to a channel for each subscriber, and waits for it.
type cskrSystem struct{}

func (cskrSystem) Name() string { return "cskr/pubsub" }

func (cskrSystem) Open(context.Context, bench.Setup) (bench.Link, error) {
	return &cskrLink{pubsub: pubsub.New[string, *bus.ProcessEvent](bench.QueueCapacity)}, nil
}

type cskrLink struct {
	pubsub  *pubsub.PubSub[string, *bus.ProcessEvent]
	readers sync.WaitGroup
}

func (l *cskrLink) Subscribe(_ context.Context, read func(*bus.ProcessEvent)) error {
	events := l.pubsub.Sub(topic)
	l.readers.Go(func() {
		for event := range events {
			read(event)
		}
	})
	return nil
}

func (l *cskrLink) Publish(_ context.Context, event *bus.ProcessEvent) error {
	l.pubsub.Pub(event, topic)
	return nil
}

func (l *cskrLink) Close(context.Context) error {
	l.pubsub.Shutdown()
	l.readers.Wait()
	return nil
}
