package subjects

import (
	"fmt"
	"unicode/utf8"
)

// quotedRunes bounds how much of a refused value is repeated in an error's
// text, because the value may come from a peer and end up in a log.
const quotedRunes = 80

// Error reports why a topic, pattern or subject was refused. Every error of
// this package is an *Error.
type Error struct {
	// Kind says what Value was taken for: "topic", "pattern" or "subject".
	Kind string
	// Value is the whole refused text, as the caller gave it.
	Value string
	// Position is the offset in Value, in bytes from 0, at which the problem
	// starts. It is len(Value) where something is missing at the end.
	Position int
	// Segment counts from 1 and is 0 if the problem is not in one segment.
	Segment int
	// Reason says what is wrong at that place.
	Reason string
}

// Error gives one line with kind, value, reason and place. The value is quoted,
// so that it is printable whatever it holds, and cut when it is very long.
func (e *Error) Error() string {
	return fmt.Sprintf("subjects: invalid %s %s: %s", e.Kind, e.quoted(), e.Detail())
}

func (e *Error) quoted() string {
	quoted := fmt.Sprintf("%.*q", quotedRunes, e.Value)
	if utf8.RuneCountInString(e.Value) > quotedRunes {
		quoted += fmt.Sprintf("... (%d bytes)", len(e.Value))
	}
	return quoted
}

// Detail gives reason and place alone, for who has said already what is invalid.
func (e *Error) Detail() string {
	if e.Segment > 0 {
		return fmt.Sprintf("%s (at byte %d, segment %d)", e.Reason, e.Position, e.Segment)
	}
	return fmt.Sprintf("%s (at byte %d)", e.Reason, e.Position)
}

// checkSegment finds the first thing that keeps value[start:end] from being a
// literal segment. It returns nil if there is none.
func checkSegment(kind, value string, start, end, ordinal int) *Error {
	if start == end {
		return &Error{kind, value, start, ordinal, "segment is empty"}
	}
	for i := start; i < end; i++ {
		if !isSegmentByte(value[i]) {
			return &Error{kind, value, i, ordinal, badByte(kind, value[i:end])}
		}
	}
	return nil
}

// badByte says why s must not start as it does.
func badByte(kind, s string) string {
	switch s[0] {
	case '+', '*', '#', '>':
		if kind == "pattern" {
			return fmt.Sprintf("wildcard %q must be a whole segment", s[0])
		}
		return fmt.Sprintf("wildcard %q is for patterns only", s[0])
	}
	const allowed = "is not one of a-z, 0-9, '_' and '-'"
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 {
		return fmt.Sprintf("byte 0x%02x %s", s[0], allowed)
	}
	return fmt.Sprintf("%q %s", r, allowed)
}
