package main

import (
	"context"
	"fmt"
	"sync"

	"tailscale.com/util/eventbus"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/bench"
)

// tailscaleSystem is Tailscale's event bus: typed publishers and subscribers, and goroutines with queues in between, whose lengths
// cannot be chosen.
type tailscaleSystem struct{}

func (tailscaleSystem) Name() string { return "tailscale eventbus" }

func (tailscaleSystem) Open(context.Context, bench.Setup) (bench.Link, error) {
	b := eventbus.New()
	return &tailscaleLink{bus: b, publisher: eventbus.Publish[*bus.ProcessEvent](b.Client("publisher"))}, nil
}

type tailscaleLink struct {
	bus       *eventbus.Bus
	publisher *eventbus.Publisher[*bus.ProcessEvent]
	count     int
	readers   sync.WaitGroup
}

// Subscribe makes a client for each subscriber: a client has one subscriber of a type.
func (l *tailscaleLink) Subscribe(_ context.Context, read func(*bus.ProcessEvent)) error {
	l.count++
	s := eventbus.Subscribe[*bus.ProcessEvent](l.bus.Client(fmt.Sprintf("subscriber %d", l.count)))
	l.readers.Go(func() {
		for {
			select {
			case event := <-s.Events():
				read(event)
			case <-s.Done():
				return
			}
		}
	})
	return nil
}

func (l *tailscaleLink) Publish(_ context.Context, event *bus.ProcessEvent) error {
	l.publisher.Publish(event)
	return nil
}

func (l *tailscaleLink) Close(context.Context) error {
	l.bus.Close()
	l.readers.Wait()
	return nil
}
