package eventbus_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

func ExampleLoad() {
	mine := struct {
		Interval time.Duration `toml:"interval"`
	}{Interval: time.Minute} // the default
	config, warnings, err := eventbus.Load("testdata/config/mine.toml", eventbus.Section{Name: "mine", Into: &mine})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(config.BusType, mine.Interval, len(warnings))
	// Output: local 10s 0
}

func Example_receive() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b, err := eventbus.Open(ctx, eventbus.Config{BusType: eventbus.Local})
	if err != nil {
		log.Fatal(err)
	}
	receiver, err := b.Subscribe(ctx, bus.Subscription{ID: "example", Capabilities: []bus.Capability{bus.CapabilityProcess}})
	if err != nil {
		log.Fatal(err)
	}
	for pid := range uint32(3) {
		if err := b.Publish(ctx, bus.Event{Payload: &bus.ProcessEvent{PID: pid}}); err != nil {
			log.Fatal(err)
		}
	}

	event, err := receiver.Next(ctx) // one, as soon as there is one
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.Payload.(*bus.ProcessEvent).PID)

	select { // one among other things
	case <-receiver.Ready():
		if event, err = receiver.TryNext(); err != nil {
			log.Fatal(err)
		}
		if event != nil { // another goroutine may have been faster
			fmt.Println(event.Payload.(*bus.ProcessEvent).PID)
		}
	case <-ctx.Done():
	}

	for event, err := range receiver.All(ctx) { // all, until the subscription or ctx ends
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Payload.(*bus.ProcessEvent).PID)
		if err := b.Unsubscribe(ctx, receiver.ID()); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(b.Shutdown(ctx))
	// Output:
	// 0
	// 1
	// 2
	// <nil>
}
