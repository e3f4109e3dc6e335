// Command watch prints the events of a collector as lines of JSON, with a bus on the collector's socket:
//
//	watch SOCKET [PATTERN]
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("watch: ")
	if len(os.Args) < 2 {
		log.Fatal("usage: watch SOCKET [PATTERN]")
	}
	pattern := "events.#"
	if len(os.Args) > 2 {
		pattern = os.Args[2]
	}
	if err := watch(context.Background(), os.Args[1], pattern); err != nil {
		log.Fatal(err)
	}
}

func watch(ctx context.Context, socket, pattern string) (err error) {
	// Without Credentials, the role is that of the user at the other end of the socket.
	b, err := natsbus.Attach(ctx, socket, &natsbus.Options{Name: "watch", Bus: bus.Options{Logger: slog.Default()}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shutdown(ctx, b)) }()
	events, err := b.Subscribe(ctx, bus.Subscription{ID: "watch", Patterns: []string{pattern}, Notify: func(n bus.Notice) {
		log.Printf("missed %d events, dropped %d", n.Lost, n.Drops.Total())
	}})
	if err != nil {
		return err
	}
	log.Printf("watching %s", pattern)
	for {
		event, err := events.Next(ctx)
		if err != nil {
			return err
		}
		line, err := event.MarshalJSON()
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", line)
	}
}

func shutdown(ctx context.Context, b bus.Bus) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return b.Shutdown(ctx)
}
