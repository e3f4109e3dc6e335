package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	wnats "github.com/ThreeDotsLabs/watermill-nats/v2/pkg/nats"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/bench"
)

// watermillPair is watermill over core NATS, with a stock server in the first process. The events are encoded by the code that
// natsbus uses, and decoded by it.
type watermillPair struct{}

func (watermillPair) Name() string { return "watermill-nats" }

func (p watermillPair) Serve(ctx context.Context) (bench.End, string, error) {
	s, err := bench.StartServer()
	if err != nil {
		return nil, "", err
	}
	end, err := dialWatermill(s.ClientURL())
	if err != nil {
		bench.StopServer(s)
		return nil, "", err
	}
	end.server = s
	return end, s.ClientURL(), nil
}

func (watermillPair) Dial(_ context.Context, address string) (bench.End, error) {
	return dialWatermill(address)
}

func dialWatermill(url string) (*watermillEnd, error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return nil, err
	}
	noJetStream := wnats.JetStreamConfig{Disabled: true}
	marshaler := &wnats.NATSMarshaler{}
	publisher, err := wnats.NewPublisherWithNatsConn(conn, wnats.PublisherPublishConfig{
		JetStream: noJetStream, Marshaler: marshaler, SubjectCalculator: wnats.DefaultSubjectCalculator,
	}, watermill.NopLogger{})
	if err != nil {
		conn.Close()
		return nil, err
	}
	subscriber, err := wnats.NewSubscriberWithNatsConn(conn, wnats.SubscriberSubscriptionConfig{
		JetStream: noJetStream, Unmarshaler: marshaler, SubjectCalculator: wnats.DefaultSubjectCalculator,
	}, watermill.NopLogger{})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &watermillEnd{conn: conn, publisher: publisher, subscriber: subscriber}, nil
}

type watermillEnd struct {
	server     *server.Server // nil in the other process
	conn       *nats.Conn
	publisher  *wnats.Publisher
	subscriber *wnats.Subscriber
	readers    sync.WaitGroup
}

func (e *watermillEnd) Subscribe(_ context.Context, read func(stamp int64)) error {
	messages, err := e.subscriber.Subscribe(context.Background(), topic)
	if err != nil {
		return err
	}
	e.readers.Go(func() {
		for m := range messages {
			var event bus.ProcessEvent
			if _, err := event.UnmarshalMsg(m.Payload); err == nil {
				read(event.StartTime.UnixNano())
			}
			m.Ack()
		}
	})
	return e.conn.Flush() // the server knows of it
}

func (e *watermillEnd) Publish(_ context.Context, event *bus.ProcessEvent, stamp int64) error {
	if stamp != 0 {
		stamped := *event
		stamped.StartTime = time.Unix(0, stamp)
		event = &stamped
	}
	payload, err := event.MarshalMsg(nil)
	if err != nil {
		return err
	}
	return e.publisher.Publish(topic, message.NewMessage(watermill.NewUUID(), payload))
}

func (e *watermillEnd) Close(context.Context) error {
	err := errors.Join(e.subscriber.Close(), e.publisher.Close())
	e.conn.Close()
	e.readers.Wait()
	if e.server != nil {
		bench.StopServer(e.server)
	}
	return err
}
