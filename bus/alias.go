package bus

import (
	"bytes"
	"unsafe"

	"github.com/tinylib/msgp/msgp"
)

// Most of what decoding an event costs would be the allocation of its texts, a dozen of them. So it makes one copy of the
// event's bytes, and the texts are parts of that copy. They share its memory: who keeps one of them keeps the copy.
//
// That is sound because nobody writes to the copy: nobody else has it, but for Raw.Data, which holds no text. The decoders
// that do it are called decodeAliased and are not exported, since on bytes that somebody else has they would return texts that
// change. Exported is UnmarshalMsg, which copies first.

// aliased is a decoder whose texts are parts of its input.
type aliased interface {
	decodeAliased(b []byte) (rest []byte, err error)
}

// copyValue copies exactly the value at the start of b: what follows it, other events perhaps, is not kept alive with it.
func copyValue(b []byte) []byte { return bytes.Clone(b[:valueSize(b)]) }

// decodeCopy decodes the value at the start of b from a copy.
func decodeCopy(v aliased, b []byte) (rest []byte, err error) {
	own := copyValue(b)
	rest, err = v.decodeAliased(own)
	return b[len(own)-len(rest):], err
}

// readAliased reads a text that is a part of b.
func readAliased(b []byte) (text string, rest []byte, err error) {
	v, rest, err := msgp.ReadStringZC(b)
	return alias(v), rest, err
}

func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
