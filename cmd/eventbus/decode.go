package main

import (
	"context"
	"fmt"
	"io"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/internal/show"
)

// maxMessage is the size of the largest message that there can be, in bytes: 64 MiB, and what a batch of one event has beside it.
const maxMessage = bus.MaxEventSizeLimit + link.BatchOverhead

// decodeCommand is the command line of decode.
type decodeCommand struct{}

// Help is shown below the flags of decode.
func (*decodeCommand) Help() string {
	return `Standard input is one NATS message, to its end. An event becomes the line of JSON that eventbus watch -o json prints, a batch of events
one such line an event (in which topic and correlation may be empty: the topic is in the subject, and the correlation the event's own),
and any other MessagePack value a line of JSON: bytes as base64, times in RFC 3339, keys that are no texts as texts.

Examples:

    nats --context eventbus sub 'events.>' --translate 'eventbus decode'
    eventbus decode <message.msgpack | jq .payload

Exit codes: 0 done, 1 error (standard error says at which byte), 2 usage, 130 interrupted, 143 terminated.`
}

// Run decodes one message.
func (*decodeCommand) Run(ctx context.Context, s *streams) error {
	message, err := readMessage(ctx, s.stdin)
	if err != nil {
		return ended(ctx, err, "while reading")
	}
	if err := show.WriteMessage(s.stdout, message); err != nil && !daemon.IsClosedPipe(err) {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}

// readMessage reads all of in, until ctx ends. Then a goroutine may be left that waits for a terminal, which nothing can wake; it ends
// with the program, which is next.
func readMessage(ctx context.Context, in io.Reader) ([]byte, error) {
	type result struct {
		message []byte
		err     error
	}
	read := make(chan result, 1)
	go func() {
		message, err := io.ReadAll(io.LimitReader(in, maxMessage+1))
		read <- result{message, err}
	}()
	select {
	case r := <-read:
		if r.err != nil {
			return nil, fmt.Errorf("decode: standard input: %w", r.err)
		}
		if len(r.message) > maxMessage {
			return nil, fmt.Errorf("decode: byte %d: standard input has more than the %d bytes of the largest message", maxMessage, maxMessage)
		}
		return r.message, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
