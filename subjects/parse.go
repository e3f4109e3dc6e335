package subjects

import "strings"

// ParsePattern reads a pattern. It gives an [*Error] of kind "pattern", whose
// positions are those of s as given, if s breaks the grammar, starts with a
// reserved name, or is such that no topic could ever match it. It applies the
// old names that the package documentation lists.
func ParsePattern(s string) (Pattern, error) {
	if s == "" {
		return Pattern{}, &Error{"pattern", s, 0, 0, "is empty"}
	}
	if err := checkPattern(s); err != nil {
		return Pattern{}, err
	}
	text := canonical(s)
	if err := checkReach(s, text); err != nil {
		return Pattern{}, err
	}
	return Pattern{text: text, literal: !strings.ContainsAny(text, "+#>")}, nil
}

// checkPattern checks what can be said of s segment by segment.
func checkPattern(s string) error {
	start, ordinal := 0, 0
	for segment := range strings.SplitSeq(s, ".") {
		ordinal++
		end := start + len(segment)
		switch segment {
		case "+", "*":
		case anySegments, someSegments:
			if end < len(s) {
				return &Error{"pattern", s, start, ordinal, "wildcard '" + segment + "' must be the last segment"}
			}
		default:
			if err := checkSegment("pattern", s, start, end, ordinal); err != nil {
				return err
			}
		}
		if ordinal == 1 && isReserved(segment) {
			return &Error{"pattern", s, 0, 1, reserved(segment)}
		}
		start = end + 1
	}
	return nil
}

// canonical replaces the old names in s, and * by +. Its result may be too
// deep or too long.
func canonical(s string) string {
	text := strings.ReplaceAll(s, "*", oneSegment)
	head, _, more := strings.Cut(text, ".")
	switch head {
	case oneSegment, anySegments, someSegments, domainEvents:
		return text
	case domainControl:
		if !more {
			return text + "." + oneSegment
		}
		return text
	case "process", "network", "filesystem", "performance":
		if !more {
			text += "." + oneSegment
		}
	}
	return domainEvents + "." + text
}

// checkReach refuses a pattern that is well formed and yet can match no topic:
// text is the canonical form of s. It looks at the shortest topic that might
// match, in segments and in bytes.
func checkReach(s, text string) error {
	segments := strings.Count(text, ".") + 1
	bytes := len(text)
	switch {
	case text == anySegments || text == someSegments:
		return nil
	case strings.HasSuffix(text, "."+anySegments):
		segments--
		bytes -= len("." + anySegments)
	case segments < MinSegments:
		return &Error{"pattern", s, len(s), 0, "matches nothing: " + tooShallow}
	}
	if strings.HasPrefix(text, oneSegment) {
		bytes += len(domainEvents) - len(oneSegment) // the shorter of the domains
	}
	if segments > MaxSegments {
		// The canonical text may have events. in front, which s has not.
		ordinal := MaxSegments + 1 - (strings.Count(text, ".") - strings.Count(s, "."))
		return &Error{"pattern", s, segmentStart(s, ordinal), ordinal, "matches nothing: " + tooDeep}
	}
	if bytes > MaxLength {
		return &Error{"pattern", s, min(len(s), MaxLength), 0, "matches nothing: " + tooLong(bytes)}
	}
	return nil
}

// segmentStart returns the offset of a segment of s, counted from 1.
func segmentStart(s string, ordinal int) int {
	start := 0
	for range ordinal - 1 {
		start += strings.IndexByte(s[start:], '.') + 1
	}
	return start
}
