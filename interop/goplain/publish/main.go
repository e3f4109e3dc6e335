// Command publish publishes an event about a network connection, with a NATS client and a MessagePack library:
//
//	publish URL SEED [TOPIC]
package main

import (
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/vmihailenco/msgpack/v5"
)

// publisher is this run of this program; together with the sequence number it shows others what they miss.
var publisher = uuid.New()

func connection() map[string]any {
	now := time.Now()
	return map[string]any{
		// The bus fills in id, topic and correlation. A key that is unknown is left out.
		"time":      now,
		"source":    "network-go", // the role's name, or that with a dash and more
		"type":      "network",
		"publisher": publisher[:],
		"sequence":  1,
		"metadata":  map[string]string{"host": "büro-7 🖥"},
		"payload": map[string]any{
			"connection_id": "c-1",
			"protocol":      "tcp",
			"local_addr":    "192.0.2.7:50812",
			"remote_addr":   "[2001:db8::1]:443",
			"state":         "established",
			"bytes_sent":    uint64(1)<<53 + 1,
			"timestamp":     now,
			// Metadata is texts. What has parts of its own is a text too, as JSON.
			"metadata": map[string]string{"tls": `{"version":"1.3","sni":["例え.jp"]}`},
		},
	}
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("publish: ")
	if len(os.Args) < 3 {
		log.Fatal("usage: publish URL SEED [TOPIC]")
	}
	topic := "events.network.connections"
	if len(os.Args) > 3 {
		topic = os.Args[3]
	}
	if err := publish(os.Args[1], os.Args[2], topic); err != nil {
		log.Fatal(err)
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"published": topic, "publisher": publisher.String()})
}

func publish(url, seed, topic string) error {
	key, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		return err
	}
	conn, err := nats.Connect(url, key, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // LastError has it
	if err != nil {
		return err
	}
	defer conn.Close()
	event, err := msgpack.Marshal(connection())
	if err != nil {
		return err
	}
	if err := conn.Publish(topic, event); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	return conn.LastError() // the server has taken the event, or this is its refusal
}
