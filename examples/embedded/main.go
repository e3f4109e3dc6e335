// Command embedded is a daemon with the event bus in it: it opens the bus that its configuration asks for, reads events in one goroutine,
// publishes them from another, and loses nothing that was published when it ends.
//
//	go run ./examples/embedded                                  # an embedded NATS server: eventbus watch sees the events
//	EVENTBUS_BUS_TYPE=local go run ./examples/embedded          # the same program without a server
//	go run ./examples/embedded -config my.toml -events 1000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

var (
	configFile = flag.String("config", "", "configuration `file` (TOML); without it everything has its default")
	events     = flag.Int("events", 3, "end after that many events")
	interval   = flag.Duration("interval", 100*time.Millisecond, "time between two events")
)

func main() {
	flag.Parse()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := run(logger); err != nil {
		logger.Error("embedded", "error", err)
		os.Exit(1)
	}
}

func run(logger *slog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	// The configuration: a file, if there is one, and EVENTBUS_... in the environment.
	config, warnings, err := eventbus.Load(*configFile)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		logger.Warn("a setting is deprecated", "key", w.Key, "origin", w.Origin, "warning", w.Text)
	}
	config.Logger = logger

	b, err := eventbus.Open(ctx, config)
	if err != nil {
		return err
	}
	if served, ok := b.(eventbus.Listener); ok { // not the local bus, and not with an existing server
		fmt.Println("listening on", served.Endpoints().Socket)
	}

	// Subscribe before anybody publishes: what was published before is not seen.
	receiver, err := b.Subscribe(ctx, bus.Subscription{
		ID: "detector", Patterns: []string{"events.process.+"},
		Overflow: bus.DropOldest, // a slow detector misses events instead of holding up the publisher, and is told
		Notify:   func(n bus.Notice) { logger.Warn("missed events", "lost", n.Lost, "dropped", n.Drops.Total()) },
	})
	if err != nil {
		return errors.Join(err, shutdown(b))
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		// The iteration ends when the bus is shut down and everything that was queued is read.
		for event := range receiver.All(context.Background()) {
			if p, ok := event.Payload.(*bus.ProcessEvent); ok {
				fmt.Println(event.Topic, p.Name, p.CommandLine)
			}
		}
	})

	err = publish(ctx, b)
	err = errors.Join(err, shutdown(b))
	reading.Wait()
	s := b.Statistics()
	fmt.Printf("published=%d delivered=%d dropped=%d lost=%d\n", s.Published, s.Delivered, s.Dropped, s.Lost)
	return err
}

// publish is what the daemon is there for.
func publish(ctx context.Context, b bus.Bus) error {
	for n := range *events {
		err := b.Publish(ctx, bus.Event{Source: "process", Payload: &bus.ProcessEvent{
			PID: uint32(os.Getpid()), Name: "embedded", CommandLine: []string{"embedded", fmt.Sprint(n)}, Timestamp: time.Now(),
		}})
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-time.After(*interval):
		case <-ctx.Done():
			return nil // a signal: the end was asked for
		}
	}
	return nil
}

// shutdown delivers what is queued, for five seconds at most.
func shutdown(b bus.Bus) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return b.Shutdown(ctx)
}
