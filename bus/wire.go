package bus

import (
	"bytes"
	"fmt"

	"github.com/google/uuid"
	"github.com/tinylib/msgp/msgp"
)

// It comes behind the generators of payloads.go and correlation.go, as its name does.
//go:generate go run ../internal/wiregen correlation_gen.go payloads_gen.go

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

// MarshalMsg appends the event's wire form to b. It does not allocate if there is room for it.
func (e *Event) MarshalMsg(b []byte) ([]byte, error) { return e.marshal(b, false) }

func (e *Event) marshal(b []byte, brief bool) ([]byte, error) {
	if e.Payload == nil {
		return b, &InvalidError{Field: "payload", Value: "nil", Reason: "an event needs a payload"}
	}
	if cap(b) == 0 {
		b = make([]byte, 0, e.Msgsize())
	}
	correlated := !brief || !e.Correlation.begins(e.ID)
	keys := uint32(6)
	if !brief {
		keys++
	}
	if e.Source != "" {
		keys++
	}
	if correlated {
		keys++
	}
	if len(e.Metadata) > 0 {
		keys++
	}
	b = msgp.AppendMapHeader(b, keys)
	b = appendKey(b, brief, keyID, "\xa2id")
	b = msgp.AppendBytes(b, e.ID[:])
	b = appendKey(b, brief, keyTime, "\xa4time")
	b = appendTime(b, e.Time)
	if !brief {
		b = appendKey(b, brief, keyTopic, "\xa5topic")
		b = msgp.AppendString(b, e.Topic)
	}
	if e.Source != "" {
		b = appendKey(b, brief, keySource, "\xa6source")
		b = msgp.AppendString(b, e.Source)
	}
	b = appendKey(b, brief, keyType, "\xa4type")
	b = msgp.AppendString(b, string(e.Payload.Type()))
	b = appendKey(b, brief, keyPublisher, "\xa9publisher")
	b = msgp.AppendBytes(b, e.Publisher[:])
	b = appendKey(b, brief, keySequence, "\xa8sequence")
	b = msgp.AppendUint64(b, e.Sequence)
	var err error
	if correlated {
		b = appendKey(b, brief, keyCorrelation, "\xabcorrelation")
		if b, err = e.Correlation.marshal(b, brief); err != nil {
			return b, err
		}
	}
	if len(e.Metadata) > 0 {
		b = appendKey(b, brief, keyMetadata, "\xa8metadata")
		if b, err = e.Metadata.MarshalMsg(b); err != nil {
			return b, err
		}
	}
	b = appendKey(b, brief, keyPayload, "\xa7payload")
	if p, ok := e.Payload.(numbered); ok {
		return p.marshal(b, brief)
	}
	return e.Payload.MarshalMsg(b)
}

// UnmarshalMsg reads an event's wire form from the start of b and returns the rest. Keys may come in any order; unknown ones
// are skipped; of the known ones only type and payload have to be there. The result is not validated, and keeps no reference
// to b. Its texts share one piece of memory: to keep one of them for long and not the event, clone it. A failure is an
// [*InvalidError] whose field is the key that could not be read.
func (e *Event) UnmarshalMsg(b []byte) (rest []byte, err error) {
	var out Event
	if rest, err = out.decodeAliased(b); err != nil {
		return rest, err
	}
	// The first step of a workflow is its own root, and says its ID twice.
	root := out.Correlation.RootID == out.Correlation.ID
	if root {
		out.Correlation.RootID = ""
	}
	size := len(out.Topic) + len(out.Source) + out.Correlation.textSize()
	payload, ok := out.Payload.(decodable)
	if ok {
		size += payload.textSize()
	}
	texts := make([]byte, size)
	out.Topic, texts = moveText(out.Topic, texts)
	out.Source, texts = moveText(out.Source, texts)
	texts = out.Correlation.moveTexts(texts)
	if ok {
		payload.moveTexts(texts)
	}
	if root {
		out.Correlation.RootID = out.Correlation.ID
	}
	*e = out
	return rest, nil
}

// decodeAliased leaves texts that are parts of b; see alias.go.
func (e *Event) decodeAliased(b []byte) (rest []byte, err error) {
	var (
		known   *payloadType // what Payload was decoded as
		kind    []byte       // of b
		payload []byte       // of b
	)
	n, b, err := msgp.ReadMapHeaderBytes(b)
	if err != nil {
		return b, wireError("event", err)
	}
	for range n {
		var key int
		if len(b) > 0 && b[0] <= maxNumber {
			key, b = int(b[0]), b[1:]
		} else {
			var text []byte
			if text, b, err = readKey(b); err != nil {
				return b, wireError("event", err)
			}
			key = numberEnvelope(text)
		}
		switch key {
		case keyID:
			e.ID, b, err = readUUID(b)
		case keyTime:
			e.Time, b, err = readTime(b)
		case keyTopic:
			e.Topic, b, err = readAliased(b)
		case keySource:
			e.Source, b, err = readAliased(b)
		case keyType:
			kind, b, err = readText(b)
		case keyPublisher:
			e.Publisher, b, err = readUUID(b)
		case keySequence:
			e.Sequence, b, err = msgp.ReadUint64Bytes(b)
		case keyCorrelation:
			b, err = e.Correlation.decodeAliased(b)
		case keyMetadata:
			b, err = e.Metadata.UnmarshalMsg(b)
		case keyPayload:
			start := b
			// Usually the type came before, and nothing has to be read twice. Failures wait until everything is read.
			if known = lookupType(kind); known != nil {
				p := known.new()
				if b, err = p.decodeAliased(b); err == nil {
					e.Payload = p
				} else {
					known, b = nil, start
				}
			}
			if known == nil {
				b, err = msgp.Skip(b)
			}
			payload = start[:len(start)-len(b)]
		default:
			key = 0
			b, err = msgp.Skip(b)
		}
		if err != nil {
			return b, wireError(envelopeKeys[key], err)
		}
	}
	switch {
	case kind == nil:
		return b, &InvalidError{Field: "type", Reason: "missing"}
	case payload == nil:
		return b, &InvalidError{Field: "payload", Reason: "missing"}
	case known == nil || known != lookupType(kind):
		e.Payload, err = decodePayload(kind, payload)
	}
	return b, err
}

func decodePayload(kind, data []byte) (Payload, error) {
	known := lookupType(kind)
	if known == nil {
		return &Raw{Name: EventType(kind), Data: bytes.Clone(data)}, nil
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
