package bus

import (
	"fmt"

	"github.com/tinylib/msgp/msgp"
)

// MaxTypeLength bounds the name of an event type, in bytes.
const MaxTypeLength = 64

// Raw is the payload of an event whose type this version does not know, with its bytes as they came. It can be published
// too: that is how a program sends a type of its own.
type Raw struct {
	// Name is the event's type: 1 to MaxTypeLength bytes of a-z, 0-9, '_', '-' and '.', and none of the known types.
	Name EventType
	// Data is the payload: exactly one MessagePack value.
	Data []byte
}

// Type implements [Payload].
func (r *Raw) Type() EventType {
	if r == nil {
		return ""
	}
	return r.Name
}

func (*Raw) pid() *uint32   { return nil }
func (*Raw) meta() Metadata { return nil }
func (r *Raw) inUTC() any   { return r }

// Validate implements [Payload].
func (r *Raw) Validate() error {
	if r == nil {
		return nilPayload("raw")
	}
	if err := validateTypeName(r.Name); err != nil {
		return err
	}
	if lookupType(r.Name) != nil {
		return &InvalidError{Field: "type", Value: string(r.Name), Reason: "a known type is published as its own Go type, not as Raw"}
	}
	rest, err := msgp.Skip(r.Data)
	if err != nil {
		return &InvalidError{Field: "payload", Value: fmt.Sprintf("%x", r.Data), Reason: "not a MessagePack value", Err: err}
	}
	if len(rest) > 0 {
		return &InvalidError{Field: "payload", Value: fmt.Sprintf("%x", r.Data), Reason: "more than one MessagePack value"}
	}
	return nil
}

func validateTypeName(t EventType) error {
	if t == "" || len(t) > MaxTypeLength {
		return &InvalidError{Field: "type", Value: string(t), Reason: fmt.Sprintf("must have 1 to %d bytes", MaxTypeLength)}
	}
	for i := range len(t) {
		c := t[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return &InvalidError{Field: "type", Value: string(t), Reason: fmt.Sprintf("byte %d is not one of a-z 0-9 _ - .", i)}
		}
	}
	return nil
}

// MarshalMsg implements [msgp.Marshaler].
func (r *Raw) MarshalMsg(b []byte) ([]byte, error) { return append(b, r.Data...), nil }

// Msgsize implements [msgp.Sizer].
func (r *Raw) Msgsize() int { return len(r.Data) }
