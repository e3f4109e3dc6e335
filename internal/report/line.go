package report

import (
	"strings"
	"unicode/utf8"
)

// Style is how a text is shown where color may be used.
type Style uint8

// The styles.
const (
	Plain  Style = iota
	Faint        // what is seldom looked at
	Strong       // headings
	Marked       // the heading of the column by which rows are sorted
	Warn         // what went wrong at some time
	Bad          // what goes wrong now
)

// escapes are the parameters of the styles' SGR sequences.
var escapes = [...]string{Plain: "", Faint: "2", Strong: "1", Marked: "1;7", Warn: "33", Bad: "1;31"}

// Span is a text in one style. The text holds no control characters.
type Span struct {
	Text  string
	Style Style
}

// Line is a line of a report.
type Line []Span

// Render returns the line as text of at most that many characters, 0 for any number. Without color it is the bare text.
func (l Line) Render(width int, color bool) string {
	var b strings.Builder
	room := width
	for _, span := range l {
		text := span.Text
		if width > 0 {
			text = cut(text, room)
			room -= utf8.RuneCountInString(text)
		}
		if text == "" {
			continue
		}
		if escape := escapes[span.Style]; color && escape != "" {
			text = "\x1b[" + escape + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	return b.String()
}

// cut returns the first characters of a text.
func cut(text string, characters int) string {
	for i := range text {
		if characters == 0 {
			return text[:i]
		}
		characters--
	}
	return text
}

// Render returns lines as text for a file or a terminal, each with its end.
func Render(lines []Line, color bool) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line.Render(0, color))
		b.WriteByte('\n')
	}
	return b.String()
}
