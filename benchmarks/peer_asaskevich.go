package main

import (
	"context"

	"github.com/asaskevich/EventBus"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/bench"
)

// asaskevichSystem is asaskevich/EventBus. Its subscribers are called in a goroutine for each event; transactional ones one after
// the other, for which Publish waits, so that the order holds. It has no queues.
type asaskevichSystem struct{}

func (asaskevichSystem) Name() string { return "asaskevich/EventBus" }

func (asaskevichSystem) Open(context.Context, bench.Setup) (bench.Link, error) {
	return &asaskevichLink{bus: EventBus.New()}, nil
}

type asaskevichLink struct{ bus EventBus.Bus }

func (l *asaskevichLink) Subscribe(_ context.Context, read func(*bus.ProcessEvent)) error {
	return l.bus.SubscribeAsync(topic, read, true)
}

func (l *asaskevichLink) Publish(_ context.Context, event *bus.ProcessEvent) error {
	l.bus.Publish(topic, event)
	return nil
}

func (l *asaskevichLink) Close(context.Context) error {
	l.bus.WaitAsync()
	return nil
}
