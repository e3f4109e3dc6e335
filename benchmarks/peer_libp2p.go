package main

import (
	"context"
	"errors"
	"sync"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/bench"
)

// libp2pSystem is the event bus of go-libp2p: a channel for each subscriber of a type.
type libp2pSystem struct{}

func (libp2pSystem) Name() string { return "go-libp2p" }

func (libp2pSystem) Open(context.Context, bench.Setup) (bench.Link, error) {
	b := eventbus.NewBus()
	emitter, err := b.Emitter(new(*bus.ProcessEvent))
	if err != nil {
		return nil, err
	}
	return &libp2pLink{bus: b, emitter: emitter}, nil
}

type libp2pLink struct {
	bus           event.Bus
	emitter       event.Emitter
	subscriptions []event.Subscription
	readers       sync.WaitGroup
}

func (l *libp2pLink) Subscribe(_ context.Context, read func(*bus.ProcessEvent)) error {
	s, err := l.bus.Subscribe(new(*bus.ProcessEvent), eventbus.BufSize(bench.QueueCapacity))
	if err != nil {
		return err
	}
	l.subscriptions = append(l.subscriptions, s)
	l.readers.Go(func() {
		for e := range s.Out() {
			if p, ok := e.(*bus.ProcessEvent); ok {
				read(p)
			}
		}
	})
	return nil
}

func (l *libp2pLink) Publish(_ context.Context, e *bus.ProcessEvent) error { return l.emitter.Emit(e) }

func (l *libp2pLink) Close(context.Context) error {
	errs := []error{l.emitter.Close()}
	for _, s := range l.subscriptions {
		errs = append(errs, s.Close())
	}
	l.readers.Wait()
	return errors.Join(errs...)
}
