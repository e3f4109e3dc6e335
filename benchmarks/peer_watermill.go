package main

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/bench"
)

// watermillSystem is watermill's gochannel in its default mode, in which Publish does not wait and the order is not kept. Its messages
// are bytes: here the place of the event in the pool, which costs it less than an encoded event would.
type watermillSystem struct{}

func (watermillSystem) Name() string { return "watermill gochannel" }

func (watermillSystem) Open(context.Context, bench.Setup) (bench.Link, error) {
	config := gochannel.Config{OutputChannelBuffer: bench.QueueCapacity}
	return &watermillLink{pubsub: gochannel.NewGoChannel(config, watermill.NopLogger{}), pool: bench.NewPool()}, nil
}

type watermillLink struct {
	pubsub  *gochannel.GoChannel
	pool    bench.Pool
	readers sync.WaitGroup
}

func (l *watermillLink) Subscribe(_ context.Context, read func(*bus.ProcessEvent)) error {
	messages, err := l.pubsub.Subscribe(context.Background(), topic)
	if err != nil {
		return err
	}
	l.readers.Go(func() {
		for m := range messages {
			read(l.pool.At(int(binary.LittleEndian.Uint32(m.Payload))))
			m.Ack()
		}
	})
	return nil
}

func (l *watermillLink) Publish(_ context.Context, event *bus.ProcessEvent) error {
	payload := binary.LittleEndian.AppendUint32(nil, uint32(bench.Index(event)))
	return l.pubsub.Publish(topic, message.NewMessage(watermill.NewUUID(), payload))
}

func (l *watermillLink) Close(context.Context) error {
	err := l.pubsub.Close()
	l.readers.Wait()
	return err
}
