package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

// busPair is natsbus in two processes: one with the server, and one that has attached to its unix socket or dialled its loopback
// listener.
type busPair struct{ unix bool }

func (p busPair) Name() string {
	if p.unix {
		return NATSBusUnix
	}
	return NATSBusTCP
}

// Serve implements [Pair].
func (p busPair) Serve(ctx context.Context) (End, string, error) {
	h, err := startHost(ctx)
	if err != nil {
		return nil, "", err
	}
	address, err := json.Marshal(endpoint{Socket: h.server.Socket(), URL: h.server.URL(), Token: h.server.Token()})
	if err != nil {
		return nil, "", errors.Join(err, h.close(ctx))
	}
	return &busEnd{bus: h.bus, shutdown: h.close}, string(address), nil
}

// Dial implements [Pair].
func (p busPair) Dial(ctx context.Context, address string) (End, error) {
	var e endpoint
	if err := json.Unmarshal([]byte(address), &e); err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	options := &natsbus.Options{Bus: busOptions()}
	var b *natsbus.Bus
	var err error
	if p.unix {
		b, err = natsbus.Attach(ctx, e.Socket, options)
	} else {
		var u *url.URL
		if u, err = url.Parse(e.URL); err != nil {
			return nil, err
		}
		u.User = url.User(e.Token)
		b, err = natsbus.Connect(ctx, u.String(), options)
	}
	if err != nil {
		return nil, err
	}
	return &busEnd{bus: b, shutdown: b.Shutdown}, nil
}

// busEnd is a bus with at most one reader. Events are encoded and decoded by it, and the stamp is their start time.
type busEnd struct {
	bus      bus.Bus
	shutdown func(context.Context) error
	readers  sync.WaitGroup
}

// readerID names the reader.
const readerID = "reader"

// Subscribe implements [End]. The queue has room for all that can be on its way, since no publisher elsewhere waits for it.
func (e *busEnd) Subscribe(ctx context.Context, read func(stamp int64)) error {
	receiver, err := e.bus.Subscribe(ctx, bus.Subscription{ID: readerID, Patterns: []string{Pattern}, QueueCapacity: window})
	if err != nil {
		return err
	}
	e.readers.Go(func() { readAll(receiver, func(p *bus.ProcessEvent) { read(p.StartTime.UnixNano()) }) })
	return nil
}

// Publish implements [End]. What is published belongs to the bus, so a stamp goes into a copy.
func (e *busEnd) Publish(ctx context.Context, event *bus.ProcessEvent, stamp int64) error {
	if stamp != 0 {
		stamped := *event
		stamped.StartTime = time.Unix(0, stamp)
		event = &stamped
	}
	return e.bus.Publish(ctx, bus.Event{Payload: event})
}

// Close implements [End].
func (e *busEnd) Close(ctx context.Context) error {
	err := errors.Join(e.bus.Unsubscribe(ctx, readerID), e.shutdown(ctx))
	e.readers.Wait()
	return err
}
