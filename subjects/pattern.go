package subjects

import (
	"strings"
)

// Wildcards as the canonical text writes them.
const (
	oneSegment   = "+" // exactly one; * is read as the same
	anySegments  = "#" // zero or more, last
	someSegments = ">" // one or more, last
)

// Pattern selects topics; see the package documentation for its language. Get
// one from [ParsePattern]. A Pattern is immutable, and equal (==) to every
// other of the same canonical text, so it can be a map key. The zero value
// matches nothing.
//
// Patterns of different text may still select the same topics, as events.# and
// events.> do. That is no harm: an [Index] yields a value once per topic.
type Pattern struct {
	text    string // canonical
	literal bool   // follows from text; kept because Match asks every time
}

// String returns the canonical text: the old names are replaced by what they
// mean and * is written +. ParsePattern of it gives p again. It is "" for the
// zero Pattern.
func (p Pattern) String() string { return p.text }

// IsLiteral reports whether p has no wildcard, and so is exactly one topic.
func (p Pattern) IsLiteral() bool { return p.literal }

// Match reports whether p selects topic. Whatever [ValidateTopic] refuses is
// not matched by any pattern. Match allocates nothing.
func (p Pattern) Match(topic string) bool {
	if p.literal {
		return topic == p.text
	}
	cut, ok := split(topic)
	if !ok {
		return false
	}
	rest := p.text
	for i := range cut.n {
		var segment string
		segment, rest, _ = strings.Cut(rest, ".")
		switch segment {
		case anySegments, someSegments:
			return true
		case oneSegment:
		case cut.segment(topic, i):
		default: // also where the pattern has ended before the topic
			return false
		}
	}
	return rest == "" || rest == anySegments
}

// Overlaps reports whether there is a topic that both patterns match. It does
// not look at the length that the topic would have.
func (p Pattern) Overlaps(q Pattern) bool {
	if p.text == "" || q.text == "" {
		return false
	}
	a, b := strings.Split(p.text, "."), strings.Split(q.text, ".")
	for i := 0; ; i++ {
		switch {
		case i == len(a):
			return i == len(b) || b[i] == anySegments
		case a[i] == anySegments: // whatever b goes on with
			return true
		case i == len(b):
			return false
		case b[i] == anySegments, a[i] == someSegments, b[i] == someSegments:
			return true
		case a[i] != b[i] && a[i] != oneSegment && b[i] != oneSegment:
			return false
		}
	}
}

// Subjects returns the NATS subjects to subscribe to for p, in a fixed order.
// On topics they match together exactly what p matches, and no topic is matched
// by two of them. There are at most four; the zero Pattern has none.
func (p Pattern) Subjects() []string {
	if p.text == "" {
		return nil
	}
	head, tail, _ := strings.Cut(p.text, ".")
	switch head {
	case anySegments, someSegments:
		return []string{domainEvents + ".>", domainControl + ".>"}
	case oneSegment:
		return appendSubjects(appendSubjects(nil, domainEvents, tail), domainControl, tail)
	default:
		return appendSubjects(nil, head, tail)
	}
}

// appendSubjects appends the subjects of the pattern head.tail.
func appendSubjects(dst []string, head, tail string) []string {
	subject := head + "." + strings.ReplaceAll(tail, oneSegment, "*")
	base, open := strings.CutSuffix(subject, "."+anySegments)
	if !open {
		return append(dst, subject)
	}
	// Zero segments or more is base itself or base and at least one. Either can
	// be out of the reach of any topic, and is then left out.
	depth := strings.Count(base, ".") + 1
	if depth >= MinSegments {
		dst = append(dst, base)
	}
	if depth < MaxSegments {
		dst = append(dst, base+".>")
	}
	return dst
}
