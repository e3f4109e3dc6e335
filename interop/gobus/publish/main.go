// Command publish publishes an event about a network connection, with a bus on the collector's socket:
//
//	publish SOCKET SEED [TOPIC]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

func connection(topic string) bus.Event {
	return bus.Event{
		// The bus fills in all the rest.
		Topic:    topic,
		Source:   "network-gobus", // the role's name, or that with a dash and more
		Metadata: bus.Metadata{"host": "büro-7 🖥"},
		Payload: &bus.NetworkEvent{
			ConnectionID: "c-1",
			Protocol:     "tcp",
			LocalAddr:    "192.0.2.7:50812",
			RemoteAddr:   "[2001:db8::1]:443",
			State:        "established",
			BytesSent:    new(uint64(1)<<53 + 1),
			Timestamp:    time.Now(),
			// Metadata is texts. What has parts of its own is a text too, as JSON.
			Metadata: bus.Metadata{"tls": `{"version":"1.3","sni":["例え.jp"]}`},
		},
	}
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("publish: ")
	if len(os.Args) < 3 {
		log.Fatal("usage: publish SOCKET SEED [TOPIC]")
	}
	topic := "events.network.connections"
	if len(os.Args) > 3 {
		topic = os.Args[3]
	}
	if err := publish(context.Background(), os.Args[1], os.Args[2], topic); err != nil {
		log.Fatal(err)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"published": topic})
}

func publish(ctx context.Context, socket, seed, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	b, err := natsbus.Attach(ctx, socket, &natsbus.Options{Credentials: seed, Bus: bus.Options{Logger: slog.Default()}})
	if err != nil {
		return err
	}
	err = errors.Join(b.Publish(ctx, connection(topic)), b.Flush(ctx), b.Shutdown(ctx))
	// What the role does not permit, the server says too late for Publish and Flush.
	if b.Statistics().Forbidden > 0 {
		err = errors.Join(err, fmt.Errorf("the role does not permit publishing on %s", topic))
	}
	return err
}
