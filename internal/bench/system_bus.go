package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/natsbus"
)

// busOptions are those of every bus here. Everything but the number of subscribers is the default, made explicit.
func busOptions() bus.Options {
	return bus.Options{QueueCapacity: QueueCapacity, Overflow: bus.Block, MaxSubscribers: bus.MaxSubscribersLimit}
}

// localSystem is localbus.
type localSystem struct{}

func (localSystem) Name() string { return LocalBus }

func (localSystem) Open(ctx context.Context, setup Setup) (Link, error) {
	options := busOptions()
	b, err := localbus.New(&options)
	if err != nil {
		return nil, err
	}
	return newBusLink(ctx, b, b.Shutdown, setup)
}

// natsSystem is natsbus as a collector runs it: with a server in the process that others could attach to by both ways.
type natsSystem struct{}

func (natsSystem) Name() string { return NATSBus }

func (natsSystem) Open(ctx context.Context, setup Setup) (Link, error) {
	h, err := startHost(ctx)
	if err != nil {
		return nil, err
	}
	l, err := newBusLink(ctx, h.bus, h.close, setup)
	if err != nil {
		return nil, errors.Join(err, h.close(ctx))
	}
	l.endpoint = &endpoint{Socket: h.server.Socket(), URL: h.server.URL(), Token: h.server.Token()}
	return l, nil
}

// endpoint is where another process finds a server.
type endpoint struct {
	Socket string `json:"socket,omitempty"`
	URL    string `json:"url"`
	Token  string `json:"token,omitempty"`
}

// host is a server that really listens, in a directory of its own, and the bus in its process.
type host struct {
	dir    string
	server *embed.Server
	bus    *natsbus.Bus
}

func startHost(ctx context.Context) (h *host, err error) {
	h = &host{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close(ctx))
		}
	}()
	if h.dir, err = os.MkdirTemp("", tempPrefix); err != nil {
		return h, err
	}
	if h.server, err = embed.Start(ctx, &embed.Options{Role: embed.Trusted, Socket: filepath.Join(h.dir, "bus.sock"), Listen: "127.0.0.1:0"}); err != nil {
		return h, err
	}
	h.bus, err = natsbus.InProcess(ctx, h.server, &natsbus.Options{Bus: busOptions()})
	return h, err
}

func (h *host) close(ctx context.Context) error {
	var errs []error
	if h.bus != nil {
		errs = append(errs, h.bus.Shutdown(ctx))
	}
	if h.server != nil {
		errs = append(errs, h.server.Stop(ctx))
	}
	if h.dir != "" {
		errs = append(errs, os.RemoveAll(h.dir))
	}
	return errors.Join(errs...)
}

// busLink is a bus with readers.
type busLink struct {
	bus      bus.Bus
	shutdown func(context.Context) error
	endpoint *endpoint // nil if there is none
	ids      []string  // of all subscriptions
	readers  sync.WaitGroup
}

func newBusLink(ctx context.Context, b bus.Bus, shutdown func(context.Context) error, setup Setup) (*busLink, error) {
	l := &busLink{bus: b, shutdown: shutdown}
	for i := range setup.Others {
		// Neighbors of what is published, and topics far from it.
		pattern := fmt.Sprintf("events.process.other%d", i)
		if i%2 == 1 {
			pattern = fmt.Sprintf("events.network.other%d.#", i)
		}
		if _, err := l.subscribe(ctx, bus.Subscription{Patterns: []string{pattern}}); err != nil {
			return nil, err
		}
	}
	if setup.Stuck {
		if _, err := l.subscribe(ctx, bus.Subscription{Patterns: []string{Pattern}, Overflow: bus.DropOldest}); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *busLink) subscribe(ctx context.Context, s bus.Subscription) (bus.Receiver, error) {
	s.ID = strconv.Itoa(len(l.ids))
	receiver, err := l.bus.Subscribe(ctx, s)
	if err == nil {
		l.ids = append(l.ids, s.ID)
	}
	return receiver, err
}

// Subscribe implements [Link].
func (l *busLink) Subscribe(ctx context.Context, read func(*bus.ProcessEvent)) error {
	receiver, err := l.subscribe(ctx, bus.Subscription{Patterns: []string{Pattern}})
	if err != nil {
		return err
	}
	l.readers.Go(func() { readAll(receiver, read) })
	return nil
}

// readAll hands what comes to read until the subscription ends.
func readAll(receiver bus.Receiver, read func(*bus.ProcessEvent)) {
	for event, err := range receiver.All(context.Background()) {
		if err != nil {
			return
		}
		if p, ok := event.Payload.(*bus.ProcessEvent); ok {
			read(p)
		}
	}
}

// Publish implements [Link].
func (l *busLink) Publish(ctx context.Context, event *bus.ProcessEvent) error {
	return l.bus.Publish(ctx, bus.Event{Payload: event})
}

// Close implements [Link]. The subscriptions end first, so that what a stuck one has left holds nothing up.
func (l *busLink) Close(ctx context.Context) error {
	var errs []error
	for _, id := range l.ids {
		errs = append(errs, l.bus.Unsubscribe(ctx, id))
	}
	errs = append(errs, l.shutdown(ctx))
	l.readers.Wait()
	return errors.Join(errs...)
}
