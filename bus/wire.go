package bus

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/tinylib/msgp/msgp"
)

// The wire form of an event is one MessagePack map. The envelope is written by hand, because its payload depends on another of
// its keys; everything below it is generated.

// eventOverhead bounds what the envelope adds to its variable parts: the map's header, ten keys, two identifiers, the time,
// the sequence number and the prefixes of three texts.
const eventOverhead = 5 + 10*(1+11) + 2*(2+16) + msgp.TimeSize + msgp.Uint64Size + 3*msgp.StringPrefixSize

var _ interface {
	msgp.Marshaler
	msgp.Unmarshaler
	msgp.Sizer
} = (*Event)(nil)

// Msgsize returns an upper bound of the event's wire size in bytes. It is what the size limit of a bus is
// compared with.
func (e *Event) Msgsize() int {
	size := eventOverhead + len(e.Topic) + len(e.Source) + e.Correlation.Msgsize() + e.Metadata.Msgsize()
	if e.Payload != nil {
		size += len(e.Payload.Type()) + e.Payload.Msgsize()
	}
	return size
}

// MarshalMsg appends the event's wire form to b.
func (e *Event) MarshalMsg(b []byte) ([]byte, error) {
	if e.Payload == nil {
		return b, &InvalidError{Field: "payload", Value: "nil", Reason: "an event needs a payload"}
	}
	keys := uint32(8)
	if e.Source != "" {
		keys++
	}
	if len(e.Metadata) > 0 {
		keys++
	}
	b = msgp.AppendMapHeader(b, keys)
	b = msgp.AppendString(b, "id")
	b = msgp.AppendBytes(b, e.ID[:])
	b = msgp.AppendString(b, "time")
	b = msgp.AppendTimeExt(b, e.Time)
	b = msgp.AppendString(b, "topic")
	b = msgp.AppendString(b, e.Topic)
	if e.Source != "" {
		b = msgp.AppendString(b, "source")
		b = msgp.AppendString(b, e.Source)
	}
	b = msgp.AppendString(b, "type")
	b = msgp.AppendString(b, string(e.Payload.Type()))
	b = msgp.AppendString(b, "publisher")
	b = msgp.AppendBytes(b, e.Publisher[:])
	b = msgp.AppendString(b, "sequence")
	b = msgp.AppendUint64(b, e.Sequence)
	b = msgp.AppendString(b, "correlation")
	b, err := e.Correlation.MarshalMsg(b)
	if err != nil {
		return b, err
	}
	if len(e.Metadata) > 0 {
		b = msgp.AppendString(b, "metadata")
		if b, err = e.Metadata.MarshalMsg(b); err != nil {
			return b, err
		}
	}
	b = msgp.AppendString(b, "payload")
	return e.Payload.MarshalMsg(b)
}

// UnmarshalMsg reads an event's wire form from the start of b and returns the rest. Keys may come in any order; unknown ones
// are skipped; of the known ones only type and payload have to be there. The result is not validated, and keeps no reference
// to b: its texts are parts of one copy of its bytes. A failure is an [*InvalidError] whose field is the key that could not
// be read.
func (e *Event) UnmarshalMsg(b []byte) (rest []byte, err error) {
	own := copyValue(b)
	rest, err = e.decodeAliased(own)
	return b[len(own)-len(rest):], err
}

// UnmarshalOwned is UnmarshalMsg without the copy: the event takes b over, and keeps all of it alive. Nobody may write to b any
// more, or the event's texts change.
func (e *Event) UnmarshalOwned(b []byte) (rest []byte, err error) { return e.decodeAliased(b) }

func (e *Event) decodeAliased(b []byte) ([]byte, error) {
	var (
		out     Event
		kind    []byte // of b
		payload []byte // of b
	)
	n, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil {
		return b, wireError("event", err)
	}
	for range n {
		var key []byte
		if key, b, err = msgp.ReadMapKeyZC(b); err != nil {
			return b, wireError("event", err)
		}
		switch string(key) {
		case "id":
			out.ID, b, err = readUUID(b)
		case "time":
			out.Time, b, err = msgp.ReadTimeUTCBytes(b)
		case "topic":
			out.Topic, b, err = readAliased(b)
		case "source":
			out.Source, b, err = readAliased(b)
		case "type":
			kind, b, err = msgp.ReadStringZC(b)
		case "publisher":
			out.Publisher, b, err = readUUID(b)
		case "sequence":
			out.Sequence, b, err = msgp.ReadUint64Bytes(b)
		case "correlation":
			b, err = out.Correlation.decodeAliased(b)
		case "metadata":
			b, err = out.Metadata.decodeAliased(b)
		case "payload":
			start := b
			b, err = msgp.Skip(b)
			payload = start[:len(start)-len(b)]
		default:
			b, err = msgp.Skip(b)
		}
		if err != nil {
			return b, wireError(string(key), err)
		}
	}
	switch {
	case kind == nil:
		return b, &InvalidError{Field: "type", Reason: "missing"}
	case payload == nil:
		return b, &InvalidError{Field: "payload", Reason: "missing"}
	}
	if out.Payload, err = unmarshalPayload(kind, payload); err != nil {
		return b, err
	}
	*e = out
	return b, nil
}

func unmarshalPayload(kind, data []byte) (Payload, error) {
	known := lookupType(kind)
	if known == nil {
		return &Raw{Name: EventType(alias(kind)), Data: slices.Clip(data)}, nil
	}
	p := known.new()
	if _, err := p.decodeAliased(data); err != nil {
		return nil, wireError("payload", err)
	}
	return p, nil
}

// readUUID reads 16 bytes; nil is the zero UUID.
func readUUID(b []byte) (id uuid.UUID, rest []byte, err error) {
	if msgp.IsNil(b) {
		rest, err = msgp.ReadNilBytes(b)
		return id, rest, err
	}
	data, rest, err := msgp.ReadBytesZC(b)
	if err != nil {
		return id, rest, err
	}
	if len(data) != len(id) {
		return id, rest, fmt.Errorf("%d bytes, an identifier has %d", len(data), len(id))
	}
	copy(id[:], data)
	return id, rest, nil
}

func wireError(field string, err error) error {
	return &InvalidError{Field: field, Reason: "cannot be read: " + err.Error(), Err: err}
}
