package bus

import (
	"encoding/hex"

	"github.com/google/uuid"
)

// Between buses an event has a brief form: the same maps, with numbers for keys, and without what follows from the rest. It is less
// than half as long, and each byte is copied some ten times on its way.
//
// A number never gets another meaning, so fields are added at the end of their type. A bus that does not know a number skips it, as
// it does a text. A type of payload that comes later keeps its texts: a bus that does not know it hands its bytes on, and nobody could
// read them.

// numbered is a type that has numbers for its keys. Its encoder comes from internal/wiregen.
type numbered interface {
	// marshal appends the wire form, with numbers if it is to be brief.
	marshal(b []byte, brief bool) ([]byte, error)
}

// The numbers of the envelope's keys, as in docs/wire.md. Those of other types are their fields' positions, see internal/wiregen.
const (
	keyID = 1 + iota
	keyTime
	keyTopic
	keySource
	keyType
	keyPayload
	keyPublisher
	keySequence
	keyCorrelation
	keyMetadata
)

// envelopeKeys are the same as texts. What has no number is a part of the event.
var envelopeKeys = [...]string{
	0: "event", keyID: "id", keyTime: "time", keyTopic: "topic", keySource: "source", keyType: "type", keyPayload: "payload",
	keyPublisher: "publisher", keySequence: "sequence", keyCorrelation: "correlation", keyMetadata: "metadata",
}

// numberEnvelope returns the number of a key, 0 if it has none.
func numberEnvelope(key []byte) int {
	switch string(key) {
	case "id":
		return keyID
	case "time":
		return keyTime
	case "topic":
		return keyTopic
	case "source":
		return keySource
	case "type":
		return keyType
	case "publisher":
		return keyPublisher
	case "sequence":
		return keySequence
	case "correlation":
		return keyCorrelation
	case "metadata":
		return keyMetadata
	case "payload":
		return keyPayload
	}
	return 0
}

// MarshalBrief appends the form in which buses send each other the event: without its topic, and without a correlation that says
// nothing but the event's ID. [Event.UnmarshalMsg] reads it, and leaves them empty.
func (e *Event) MarshalBrief(b []byte) ([]byte, error) { return e.marshal(b, true) }

// begins reports whether the correlation is the one that the first event of a workflow gets, whose ID that is.
func (c *Correlation) begins(id uuid.UUID) bool {
	if c.ID != c.RootID || len(c.ID) != len(idText{}) || c.ParentID != "" || c.TraceID != "" || c.SpanID != "" || c.Sequence != 0 ||
		c.Stage != "" || len(c.Tags) > 0 {
		return false
	}
	text := textOf(id)
	return c.ID == string(text[:])
}

type idText [36]byte

// textOf is id.String without the memory.
func textOf(id uuid.UUID) (text idText) {
	hex.Encode(text[:8], id[:4])
	text[8] = '-'
	hex.Encode(text[9:13], id[4:6])
	text[13] = '-'
	hex.Encode(text[14:18], id[6:8])
	text[18] = '-'
	hex.Encode(text[19:23], id[8:10])
	text[23] = '-'
	hex.Encode(text[24:], id[10:])
	return text
}

// appendKey appends a key, which is given as a number and in its wire form.
func appendKey(b []byte, brief bool, number byte, text string) []byte {
	if brief {
		return append(b, number)
	}
	return append(b, text...)
}

// maxNumber is the largest that MessagePack has in one byte.
const maxNumber = 0x7f
