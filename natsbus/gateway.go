package natsbus

import (
	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/link"
)

//go:generate go tool msgp -io=false -tests=false -unexported -o gateway_gen.go

// gatewaySubject is where buses say and ask whether there is a gateway.
const gatewaySubject = link.Domain + ".gateway"

// gatewayNote is about the gateway: the bus in the server's process, which knows who wants single events. It passes the events in
// batches of other buses on to plain clients that want them. Where there is none, buses send single events, which everybody
// understands.
type gatewayNote struct {
	Publisher [16]byte `msg:"publisher"`
	Open      bool     `msg:"open"` // it is there
	Asks      bool     `msg:"asks"` // the publisher is not one, and wants to know
}

// greet says that there is a gateway, or asks for one. If that fails it does no harm: single events go out then.
func (b *Bus) greet() { b.noteGateway(gatewayNote{Open: b.server != nil, Asks: b.server == nil}) }

func (b *Bus) noteGateway(note gatewayNote) {
	if !b.announcer.wanted(gatewaySubject) {
		return
	}
	note.Publisher = b.engine.Publisher()
	encoded, err := note.MarshalMsg(nil)
	if err == nil {
		err = b.outbound.tell(gatewaySubject, encoded)
	}
	if err != nil {
		b.logger.Debug("cannot speak about the gateway", "server", b.peer, "error", err)
	}
}

// receiveGatewayNote takes a note of another bus.
func (b *Bus) receiveGatewayNote(data []byte) error {
	var note gatewayNote
	rest, err := note.UnmarshalMsg(data)
	if err := whole(rest, err); err != nil {
		return err
	}
	switch {
	case uuid.UUID(note.Publisher) == uuid.Nil:
		return &bus.InvalidError{Field: "publisher", Reason: "missing"}
	case note.Asks && b.server != nil:
		b.greet()
	case !note.Asks && b.server == nil:
		b.outbound.gateway.Store(note.Open)
	}
	return nil
}
