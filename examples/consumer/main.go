// Command consumer prints the events of a collector. It is a plain NATS client with a MessagePack library and nothing of this module, as
// one in another program or language would be:
//
//	collector --listen 127.0.0.1:4222
//	eventbus creds make observer --name consumer --out consumer.nk
//	go run ./examples/consumer -seed consumer.nk -subject 'events.process.>'
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/vmihailenco/msgpack/v5"
)

// event is what this program wants of an event; docs/wire.md has all of it. Keys that it does not name are skipped.
type event struct {
	Time      time.Time      `msgpack:"time"`
	Topic     string         `msgpack:"topic"`
	Source    string         `msgpack:"source"`
	Type      string         `msgpack:"type"`
	Payload   map[string]any `msgpack:"payload"`
	Publisher []byte         `msgpack:"publisher"`
	Sequence  uint64         `msgpack:"sequence"`
}

func main() {
	log.SetFlags(0)
	url := flag.String("url", "nats://127.0.0.1:4222", "where the collector listens")
	seed := flag.String("seed", "", "the `file` with the nkey seed")
	subject := flag.String("subject", "events.>", "which topics, as NATS writes them")
	count := flag.Int("count", 10, "end after that many events")
	timeout := flag.Duration("timeout", 30*time.Second, "end if there are not that many in that time")
	flag.Parse()
	if err := consume(*url, *seed, *subject, *count, *timeout); err != nil {
		log.Fatal("consumer: ", err)
	}
}

func consume(url, seed, subject string, count int, timeout time.Duration) error {
	if seed == "" {
		return errors.New("-seed is missing; eventbus creds make observer --name consumer --out FILE makes one")
	}
	key, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		return err
	}
	refused := make(chan error, 1)
	conn, err := nats.Connect(url, key, nats.Name("consumer"), nats.MaxReconnects(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			select {
			case refused <- err: // such as a subject that the role may not read
			default: // the first one is enough
			}
		}))
	if err != nil {
		return err
	}
	defer conn.Close()
	messages := make(chan *nats.Msg, 1024)
	if _, err := conn.ChanSubscribe(subject, messages); err != nil {
		return err
	}
	deadline, last := time.After(timeout), make(map[string]uint64)
	for n := 0; n < count; {
		select {
		case message := <-messages:
			var e event
			if err := msgpack.Unmarshal(message.Data, &e); err != nil {
				return fmt.Errorf("%s: %w", message.Subject, err)
			}
			fmt.Println(e.Time.UTC().Format(time.RFC3339), e.Topic, e.Source, e.Type, e.Payload)
			// A publisher counts its events on a topic: a gap is what was lost on the way here.
			stream := string(e.Publisher) + e.Topic
			if before := last[stream]; before > 0 && e.Sequence > before+1 {
				log.Printf("missed %d events on %s", e.Sequence-before-1, e.Topic)
			}
			last[stream] = e.Sequence
			n++
		case err := <-refused:
			return err
		case <-deadline:
			return errors.New("not enough events in time")
		}
	}
	return nil
}
