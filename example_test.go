package eventbus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

func Example() {
	ctx := context.Background()
	b, err := eventbus.Open(ctx, eventbus.Config{BusType: "local"}) // leave BusType out for NATS
	if err != nil {
		log.Fatal(err)
	}
	defer b.Shutdown(ctx)
	detector, err := b.Subscribe(ctx, bus.Subscription{ID: "detector", Patterns: []string{"events.process.+"}})
	if err != nil {
		log.Fatal(err)
	}
	process := &bus.ProcessEvent{PID: 4242, Name: "sleep", CommandLine: []string{"sleep", "7"}}
	if err := b.Publish(ctx, bus.Event{Source: "example", Payload: process}); err != nil {
		log.Fatal(err)
	}
	event, err := detector.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.Topic, event.Payload.(*bus.ProcessEvent).Name)
	// Output: events.process.lifecycle sleep
}
