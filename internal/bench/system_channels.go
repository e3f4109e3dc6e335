package bench

import (
	"context"
	"sync"

	"github.com/daemoneye/eventbus/bus"
)

// channelSystem is the least that a fan-out can be: a buffered channel for each reader, and a loop over them. It has no topics,
// no identifiers, no counters and no end of a publish that waits.
type channelSystem struct{}

func (channelSystem) Name() string { return Channels }

func (channelSystem) Open(context.Context, Setup) (Link, error) { return &channelLink{}, nil }

type channelLink struct {
	channels []chan *bus.ProcessEvent
	readers  sync.WaitGroup
}

// Subscribe implements [Link].
func (l *channelLink) Subscribe(_ context.Context, read func(*bus.ProcessEvent)) error {
	c := make(chan *bus.ProcessEvent, QueueCapacity)
	l.channels = append(l.channels, c)
	l.readers.Go(func() {
		for event := range c {
			read(event)
		}
	})
	return nil
}

// Publish implements [Link].
func (l *channelLink) Publish(_ context.Context, event *bus.ProcessEvent) error {
	for _, c := range l.channels {
		c <- event
	}
	return nil
}

// Close implements [Link].
func (l *channelLink) Close(context.Context) error {
	for _, c := range l.channels {
		close(c)
	}
	l.readers.Wait()
	return nil
}
