package natsbus

import (
	"errors"
	"os"
	"sync"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

// outside returns what the engine sees of the other processes.
func (b *Bus) outside() engine.Outside {
	if b.server != nil {
		return &interestedOnly{sender: sender{bus: b}}
	}
	return &sender{bus: b}
}

// sender sends everything: an existing server gives no cheap answer to who is interested.
type sender struct {
	bus     *Bus
	buffers sync.Pool // of *[]byte
}

// Interested implements [engine.Outside].
func (*sender) Interested(string) bool { return true }

// Send implements [engine.Outside].
func (s *sender) Send(event *bus.Event) error {
	buffer, _ := s.buffers.Get().(*[]byte)
	if buffer == nil {
		buffer = new([]byte)
	}
	defer s.buffers.Put(buffer)
	encoded, err := event.MarshalMsg((*buffer)[:0])
	if err != nil {
		return err
	}
	*buffer = encoded
	// nats.go copies the bytes into its own buffer before Publish returns.
	err = s.bus.conn.Publish(event.Topic, encoded)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// The server takes nothing any more, and what was in the buffer is lost. nats.go would go on with this connection, and
		// make one publisher after the other wait for it. It fails only if the connection is closed.
		_ = s.bus.conn.ForceReconnect()
	}
	return s.bus.sendError(err)
}

// interestedOnly sends what somebody outside wants: a server in this process knows.
type interestedOnly struct{ sender }

// Interested implements [engine.Outside].
func (s *interestedOnly) Interested(topic string) bool { return s.bus.server.Interest(topic) > 0 }
