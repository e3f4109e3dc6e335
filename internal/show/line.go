package show

import (
	"strconv"
	"unicode/utf8"
)

// MaxLine bounds a line of text, in characters without the escapes of its colors.
const MaxLine = 1000

// maxValue bounds what is shown of one value, in bytes before quoting.
const maxValue = 200

// The colors, as parameters of the terminal's SGR sequence.
const (
	plain   = ""
	dim     = "2"
	bold    = "1"
	red     = "31"
	green   = "32"
	yellow  = "33"
	magenta = "35"
	cyan    = "36"
)

// line builds a line of text within MaxLine. What is put into it must be visible.
type line struct {
	dst   []byte
	room  int // characters left
	color bool
}

// put appends visible text. When the room ends, it cuts the text there, and nothing is appended any more.
func (l *line) put(style, text string) {
	if l.room == 0 {
		return
	}
	if n := utf8.RuneCountInString(text); n < l.room {
		l.room -= n
	} else {
		end := 0
		for range l.room - 1 {
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
		}
		text, l.room = text[:end]+"…", 0
	}
	if !l.color || style == plain {
		l.dst = append(l.dst, text...)
		return
	}
	l.dst = append(l.dst, "\x1b["+style+"m"...)
	l.dst = append(l.dst, text...)
	l.dst = append(l.dst, "\x1b[0m"...)
}

// word appends a space and an untrusted value.
func (l *line) word(style, value string) { l.put(plain, " "); l.put(style, clip(value)) }

// key appends the name of a field.
func (l *line) key(name string) { l.put(plain, " "); l.put(dim, name+"=") }

// text appends a field with an untrusted value, unless that is empty.
func (l *line) text(name, value string) {
	if value != "" {
		l.key(name)
		l.put(plain, clip(value))
	}
}

// number appends a field, unless there is no value.
func (l *line) number(name string, value *uint32) {
	if value != nil {
		l.key(name)
		l.put(plain, strconv.FormatUint(uint64(*value), 10))
	}
}

// size appends a field with a number of bytes, unless there is none.
func (l *line) size(name string, value *uint64) {
	if value != nil {
		l.key(name)
		l.put(plain, formatBytes(*value))
	}
}

// clip quotes a value, or the start of a long one and "…". A character at the cut is left out whole.
func clip(value string) string {
	if len(value) <= maxValue {
		return Quote(value)
	}
	end := maxValue
	for range utf8.UTFMax - 1 {
		if utf8.RuneStart(value[end]) {
			break
		}
		end--
	}
	return Quote(value[:end]) + "…"
}

// formatBytes writes a number of bytes with a binary unit and one decimal.
func formatBytes(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatUint(n, 10) + "B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 {
		value, unit = value/1024, unit+1
	}
	return strconv.FormatFloat(value, 'f', 1, 64) + units[unit:unit+1] + "iB"
}
