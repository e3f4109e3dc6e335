// Command watch prints the events of a collector as lines of JSON, with a NATS client and a MessagePack library:
//
//	watch URL SEED [SUBJECT]
package main

import (
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/vmihailenco/msgpack/v5"
)

// event is the envelope, as far as this program looks into it. docs/wire.md has all of it.
type event struct {
	ID          uuid.UUID         `msgpack:"id" json:"id"`
	Time        time.Time         `msgpack:"time" json:"time"`
	Topic       string            `msgpack:"topic" json:"topic"`
	Source      string            `msgpack:"source" json:"source"`
	Type        string            `msgpack:"type" json:"type"`
	Payload     map[string]any    `msgpack:"payload" json:"payload"`
	Correlation map[string]any    `msgpack:"correlation" json:"correlation"`
	Publisher   uuid.UUID         `msgpack:"publisher" json:"publisher,omitzero"`
	Sequence    uint64            `msgpack:"sequence" json:"sequence"`
	Metadata    map[string]string `msgpack:"metadata" json:"metadata,omitempty"`
}

// stream is what sequence numbers are counted for.
type stream struct {
	publisher uuid.UUID
	topic     string
}

var errLost = errors.New("the connection is lost")

func main() {
	log.SetFlags(0)
	log.SetPrefix("watch: ")
	if len(os.Args) < 3 {
		log.Fatal("usage: watch URL SEED [SUBJECT]")
	}
	subject := "events.>"
	if len(os.Args) > 3 {
		subject = os.Args[3]
	}
	if err := watch(os.Args[1], os.Args[2], subject); err != nil {
		log.Fatal(err)
	}
}

func watch(url, seed, subject string) error {
	key, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	fail := func(err error) {
		select {
		case failed <- err:
		default: // the first one is enough
		}
	}
	conn, err := nats.Connect(url, key,
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { fail(err) }),
		nats.ClosedHandler(func(*nats.Conn) { fail(errLost) })) // after two minutes of attempts to have it back
	if err != nil {
		return err
	}
	defer conn.Close()
	messages := make(chan *nats.Msg, 1024)
	if _, err := conn.ChanSubscribe(subject, messages); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	if err := conn.LastError(); err != nil { // the server has answered, and this is its refusal
		return err
	}
	log.Printf("watching %s", subject)
	numbers := make(map[stream]uint64) // the last one of each
	for {
		select {
		case err := <-failed:
			return err
		case message := <-messages:
			if err := show(message.Data, numbers); err != nil {
				return err
			}
		}
	}
}

// show prints an event, and says how many are missing before it.
func show(message []byte, numbers map[stream]uint64) error {
	var e event
	if err := msgpack.Unmarshal(message, &e); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
		return err
	}
	s := stream{e.Publisher, e.Topic}
	if last := numbers[s]; last > 0 && e.Sequence > last+1 {
		log.Printf("missed %d events on %s", e.Sequence-last-1, e.Topic)
	}
	if e.Sequence > 0 { // 0 is an event that nobody counts
		numbers[s] = e.Sequence
	}
	return nil
}
