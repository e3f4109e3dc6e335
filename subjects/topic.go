package subjects

import (
	"fmt"
	"strings"
)

// The bounds of a topic. The depth keeps matching cheap, and the length leaves
// a NATS protocol line far below its limit and lets offsets fit in a byte.
const (
	MinSegments = 2   // segments in the shallowest topic
	MaxSegments = 5   // segments in the deepest topic
	MaxLength   = 255 // bytes in the longest topic, dots included
)

// The domains: every topic starts with one of them.
const (
	domainEvents  = "events"
	domainControl = "control"
)

// ValidateTopic returns nil if topic is a topic by the grammar in the package
// documentation, and otherwise an [*Error] of kind "topic" that says what is
// wrong and where. It allocates only for the error.
func ValidateTopic(topic string) error {
	if _, ok := split(topic); ok {
		return nil
	}
	return explain("topic", topic)
}

// FromSubject returns the topic of a message that arrived on a NATS subject.
// The two are the same text; what FromSubject adds is the check, because a NATS
// subscription with wildcards also receives subjects that are no topics. Such a
// subject gives an [*Error] of kind "subject".
func FromSubject(subject string) (topic string, err error) {
	if _, ok := split(subject); ok {
		return subject, nil
	}
	return "", explain("subject", subject)
}

// IsControl reports whether a topic is in the control domain, where orders and
// questions are.
func IsControl(topic string) bool { return strings.HasPrefix(topic, domainControl+".") }

// cuts holds where the segments of a topic end, so that the one pass that
// validates it is also the one that takes it apart.
type cuts struct {
	end [MaxSegments]uint8
	n   int
}

// segment returns the i-th segment, from 0, of the topic that c was made from.
func (c *cuts) segment(topic string, i int) string {
	if i == 0 {
		return topic[:c.end[0]]
	}
	return topic[int(c.end[i-1])+1 : c.end[i]]
}

// split takes a topic apart, and reports whether it is one.
func split(topic string) (c cuts, ok bool) {
	if len(topic) > MaxLength {
		return c, false
	}
	start := 0
	for i := range len(topic) {
		if isSegmentByte(topic[i]) {
			continue
		}
		if topic[i] != '.' || i == start || c.n == MaxSegments-1 {
			return c, false
		}
		c.end[c.n] = uint8(i)
		c.n++
		start = i + 1
	}
	if start == len(topic) {
		return c, false
	}
	c.end[c.n] = uint8(len(topic))
	c.n++
	return c, c.n >= MinSegments && isDomain(topic[:c.end[0]])
}

// explain finds out why split refused value. It is apart from split, and runs
// the rules again in the order in which a person would want to hear of them, so
// that the path of valid topics stays small.
func explain(kind, value string) error {
	if value == "" {
		return &Error{kind, value, 0, 0, "is empty"}
	}
	if len(value) > MaxLength {
		return &Error{kind, value, MaxLength, 0, tooLong(len(value))}
	}
	start, ordinal := 0, 0
	for segment := range strings.SplitSeq(value, ".") {
		ordinal++
		if err := checkSegment(kind, value, start, start+len(segment), ordinal); err != nil {
			return err
		}
		switch {
		case ordinal > MaxSegments:
			return &Error{kind, value, start, ordinal, tooDeep}
		case ordinal > 1 || isDomain(segment):
		case isReserved(segment):
			return &Error{kind, value, 0, 1, reserved(segment)}
		default:
			return &Error{kind, value, 0, 1, "first segment must be events or control"}
		}
		start += len(segment) + 1
	}
	return &Error{kind, value, len(value), 0, tooShallow}
}

func isSegmentByte(b byte) bool {
	return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '_' || b == '-'
}

func isDomain(segment string) bool {
	return segment == domainEvents || segment == domainControl
}

// isReserved reports whether a first segment is kept for the bus's own use.
func isReserved(segment string) bool {
	return segment == "system" || segment == "debug"
}

// Reasons that topics and patterns share.
const (
	tooDeep    = "a topic has at most 5 segments"
	tooShallow = "a topic has at least 2 segments"
)

func tooLong(bytes int) string {
	return fmt.Sprintf("a topic has at most %d bytes, and this needs %d", MaxLength, bytes)
}

func reserved(segment string) string {
	return fmt.Sprintf("first segment %s is reserved", segment)
}
