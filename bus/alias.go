package bus

import "unsafe"

// Most of what decoding an event costs would be the allocation of its texts, a dozen of them. So it reads them as parts of its
// input first, then allocates once what all of them need, and moves them there. They share that memory: who keeps one of them
// keeps all of the event's.
//
// Which texts a type has is written by the generator that also makes them parts of the input (internal/wiregen), so that none
// can be forgotten. decodeAliased is only called here and in wire.go: what it leaves changes with its input, until the texts
// are moved.

// aliased is a type whose decoder leaves texts that are parts of its input.
type aliased interface {
	decodeAliased(b []byte) (rest []byte, err error)
	// textSize is how many bytes the texts have.
	textSize() int
	// moveTexts copies the texts to the start of to, and returns the rest of it.
	moveTexts(to []byte) []byte
}

// decode decodes v from b, of which it keeps nothing.
func decode(v aliased, b []byte) (rest []byte, err error) {
	rest, err = v.decodeAliased(b)
	v.moveTexts(make([]byte, v.textSize())) // also of what was read before a failure
	return rest, err
}

// moveText copies a text to the start of to, and returns it there, with the rest of to.
func moveText(text string, to []byte) (string, []byte) {
	n := copy(to, text)
	return alias(to[:n]), to[n:]
}

// readAliased reads a text that is a part of b.
func readAliased(b []byte) (text string, rest []byte, err error) {
	v, rest, err := readText(b)
	return alias(v), rest, err
}

// alias returns the bytes as a text, which is theirs: nobody may write to them from then on.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
