package show

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Quote returns s as it is if it is one visible word, and otherwise in double quotes with Go's escapes for everything that cannot
// be seen, so that both are told apart: \x1b without quotes is four characters of the original, and "\x1b" is one. What Quote
// returns has no control characters and no line breaks.
func Quote(s string) string {
	if s == "" || strings.ContainsFunc(s, ambiguous) || !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	return s
}

// ambiguous reports whether a bare word with r in it could be taken for something else: for two words, a quoted one or one
// that was cut. [strconv.IsPrint] is false for every control, format (bidirectional, zero width) and separator character
// but the plain space.
func ambiguous(r rune) bool {
	return r == ' ' || r == '"' || r == '…' || !strconv.IsPrint(r)
}

// Escape returns s with every character that cannot be seen, and every invalid byte, replaced by its Go escape. It is for
// messages, whose spaces and quotes shall stay; a backslash of s is not told apart from that of an escape.
func Escape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if visible(r, size) {
			b.WriteString(s[:size])
		} else {
			quoted := strconv.Quote(s[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// visible reports whether a decoded rune can be printed as it is. A size of one with RuneError is an invalid byte.
func visible(r rune, size int) bool {
	return strconv.IsPrint(r) && (r != utf8.RuneError || size > 1)
}
