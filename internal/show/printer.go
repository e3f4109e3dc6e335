package show

import (
	"errors"
	"io"
	"text/template"

	"github.com/daemoneye/eventbus/bus"
)

// Format is a form in which events are printed.
type Format string

// The formats.
const (
	Text     Format = "text"     // a line for a person
	Compact  Format = "compact"  // a short line for a person
	JSON     Format = "json"     // a line for a program, never colored
	Table    Format = "table"    // columns for a person
	Template Format = "template" // what a template makes of the event
)

// Style says how events are printed.
type Style struct {
	Format Format
	// Color is for people's formats alone.
	Color bool
	// Fields are shown instead of what the format shows: as name=value in Text, as values alone in Compact, as columns in Table. JSON
	// keeps them where they are and leaves out everything else. A Template says itself what it shows.
	Fields []Field
	// Template is for the format Template, see [ParseTemplate].
	Template *template.Template
}

// flushSize is how much text a Printer collects before it writes, in bytes.
const flushSize = 32 << 10

// Printer writes events to a writer, one a line. What is for programs, JSON and templates, is written event by event, each with one Write,
// since a program may wait for it. Text is collected for speed, so call Flush when no event is waiting.
type Printer struct {
	out      io.Writer
	append   func([]byte, *bus.Event) ([]byte, error) // with the line break
	collects bool
	buffer   []byte
}

// NewPrinter returns a Printer. color only applies to Text.
func NewPrinter(out io.Writer, format Format, color bool) *Printer {
	return NewStyledPrinter(out, Style{Format: format, Color: color})
}

// NewStyledPrinter returns a Printer. A Template without a template makes every Print fail.
func NewStyledPrinter(out io.Writer, style Style) *Printer {
	p := &Printer{out: out, collects: true}
	switch style.Format {
	case JSON:
		p.append, p.collects = appendSelected(newFieldTree(style.Fields)), false
	case Template:
		p.append, p.collects = func(dst []byte, event *bus.Event) ([]byte, error) {
			if style.Template == nil {
				return dst, errors.New("show: no template")
			}
			return appendTemplate(dst, style.Template, event)
		}, false
	case Table:
		p.append = newTable(style.Fields, style.Color).append
	default:
		p.append = appendLineOf(style)
	}
	return p
}

// appendSelected returns what appends an event as JSON, whole if the tree is empty.
func appendSelected(tree fieldTree) func([]byte, *bus.Event) ([]byte, error) {
	return func(dst []byte, event *bus.Event) ([]byte, error) {
		if len(tree) == 0 {
			dst, err := AppendJSON(dst, event)
			return append(dst, '\n'), err
		}
		whole, err := AppendJSON(nil, event)
		if err != nil {
			return dst, err
		}
		selected, err := tree.appendOf(nil, whole)
		// A key is written anew.
		return append(appendVisibleJSON(dst, selected), '\n'), err
	}
}

// appendLineOf returns what appends an event as Text or Compact.
func appendLineOf(style Style) func([]byte, *bus.Event) ([]byte, error) {
	form := AppendText
	if style.Format == Compact {
		form = AppendCompact
	}
	return func(dst []byte, event *bus.Event) ([]byte, error) {
		if len(style.Fields) == 0 {
			return append(form(dst, event, style.Color), '\n'), nil
		}
		values, err := cells(event, style.Fields)
		if err != nil {
			return dst, err
		}
		l := line{dst: dst, room: MaxLine, color: style.Color}
		for i, value := range values {
			if i > 0 {
				l.put(plain, " ")
			}
			if style.Format != Compact {
				l.put(dim, Quote(string(style.Fields[i]))+"=")
			}
			l.put(plain, value)
		}
		return append(l.dst, '\n'), nil
	}
}

// Print prints one event. It returns the writer's error, and drops what could not be written.
func (p *Printer) Print(event *bus.Event) error {
	longer, err := p.append(p.buffer, event)
	if err != nil {
		return err
	}
	p.buffer = longer
	if p.collects && len(p.buffer) < flushSize {
		return nil
	}
	return p.Flush()
}

// Flush writes what is collected.
func (p *Printer) Flush() error {
	if len(p.buffer) == 0 {
		return nil
	}
	_, err := p.out.Write(p.buffer)
	p.buffer = p.buffer[:0]
	return err
}
