package bus

import (
	"fmt"
	"strings"
)

// The flags of a [Traceparent] that have a meaning (W3C Trace Context, section "trace-flags").
const (
	// TraceSampled says that the sender may have recorded its part of the trace.
	TraceSampled byte = 1 << 0
	// TraceRandom says that the right half of the trace ID is random (level 2).
	TraceRandom byte = 1 << 1
)

// The lengths of the parts of a traceparent, in hexadecimal digits, and that of the whole in version 00.
const (
	traceIDDigits     = 32
	spanIDDigits      = 16
	traceparentLength = len("00-") + traceIDDigits + len("-") + spanIDDigits + len("-00")
)

// Traceparent is what the header traceparent says: which span of which trace the sender was in. The format is that of W3C Trace Context
// level 1 (https://www.w3.org/TR/trace-context-1/) and level 2 (https://www.w3.org/TR/trace-context-2/), section "traceparent header".
type Traceparent struct {
	// TraceID is 32 and SpanID 16 hexadecimal digits in lower case, not all of them zero.
	TraceID, SpanID string
	// Flags are TraceSampled and TraceRandom.
	Flags byte
}

// String returns the header's value in version 00, which is the one of both levels. It does not check the IDs.
func (t Traceparent) String() string {
	return fmt.Sprintf("00-%s-%s-%02x", t.TraceID, t.SpanID, t.Flags&(TraceSampled|TraceRandom))
}

// ParseTraceparent parses the value of a header traceparent. It returns an [*InvalidError] for what the specification calls invalid: digits
// in upper case, IDs of zeros alone, version ff, and in version 00 anything behind the flags. Of a later version it takes the parts that it
// knows, as the specification wants it. Flags that have no meaning yet are left out.
func ParseTraceparent(text string) (Traceparent, error) {
	refuse := func(reason string) (Traceparent, error) {
		return Traceparent{}, &InvalidError{Field: "traceparent", Value: text, Reason: reason}
	}
	if len(text) < traceparentLength {
		return refuse(fmt.Sprintf("%d bytes, at least %d needed", len(text), traceparentLength))
	}
	head, tail := text[:traceparentLength], text[traceparentLength:]
	version, rest, _ := strings.Cut(head, "-")
	if len(version) != 2 || !isLowerHex(version) || version == "ff" {
		return refuse("the version must be two hexadecimal digits in lower case, and not ff")
	}
	t := Traceparent{TraceID: rest[:traceIDDigits], SpanID: rest[traceIDDigits+1:][:spanIDDigits]}
	flags := rest[traceIDDigits+1+spanIDDigits+1:]
	switch {
	case rest[traceIDDigits] != '-', rest[traceIDDigits+1+spanIDDigits] != '-':
		return refuse("the parts must be divided by dashes")
	case !validTraceID(t.TraceID):
		return refuse("the trace ID must be 32 hexadecimal digits in lower case, not all zero")
	case !validSpanID(t.SpanID):
		return refuse("the span ID must be 16 hexadecimal digits in lower case, not all zero")
	case !isLowerHex(flags):
		return refuse("the flags must be two hexadecimal digits in lower case")
	case tail != "" && version == "00":
		return refuse("nothing may follow the flags in version 00")
	case tail != "" && tail[0] != '-':
		return refuse("a dash must follow the flags, or nothing")
	}
	t.Flags = hexDigit(flags[1]) & (TraceSampled | TraceRandom)
	return t, nil
}

// Traceparent returns the trace and span of the correlation as the value of a header traceparent, for what is done because of the event by
// others who understand it. ok is false if the IDs are none of W3C Trace Context: a correlation takes any text. A correlation has no flags;
// who carries the IDs of a trace on is taken to record it, so the flag sampled is set.
func (c *Correlation) Traceparent() (value string, ok bool) {
	if !validTraceID(c.TraceID) || !validSpanID(c.SpanID) {
		return "", false
	}
	return Traceparent{TraceID: c.TraceID, SpanID: c.SpanID, Flags: TraceSampled}.String(), true
}

func validTraceID(id string) bool { return len(id) == traceIDDigits && isLowerHex(id) && !isZeros(id) }

func validSpanID(id string) bool { return len(id) == spanIDDigits && isLowerHex(id) && !isZeros(id) }

func isLowerHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

func isZeros(s string) bool { return strings.Trim(s, "0") == "" }

// hexDigit returns the value of a digit that isLowerHex has seen.
func hexDigit(digit byte) byte {
	if digit >= 'a' {
		return digit - 'a' + 10
	}
	return digit - '0'
}
