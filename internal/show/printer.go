package show

import (
	"io"

	"github.com/daemoneye/eventbus/bus"
)

// Format is a form in which events are printed.
type Format string

// The formats.
const (
	Text Format = "text" // a line for a person
	JSON Format = "json" // a line for a program, never colored
)

// flushSize is how much text a Printer collects before it writes, in bytes.
const flushSize = 32 << 10

// Printer writes events to a writer, one a line. JSON is written line by line, each with one Write, since a program may wait for
// it. Text is collected for speed, so call Flush when no event is waiting.
type Printer struct {
	out    io.Writer
	format Format
	color  bool
	buffer []byte
}

// NewPrinter returns a Printer. color only applies to Text.
func NewPrinter(out io.Writer, format Format, color bool) *Printer {
	return &Printer{out: out, format: format, color: color}
}

// Print prints one event. It returns the writer's error, and drops what could not be written.
func (p *Printer) Print(event *bus.Event) error {
	if p.format != JSON {
		p.buffer = append(AppendText(p.buffer, event, p.color), '\n')
		if len(p.buffer) < flushSize {
			return nil
		}
		return p.Flush()
	}
	var err error
	if p.buffer, err = AppendJSON(p.buffer, event); err != nil {
		return err
	}
	p.buffer = append(p.buffer, '\n')
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
