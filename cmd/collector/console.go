package main

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// eraseLine moves the cursor to the start of its line and clears that.
const eraseLine = "\r\x1b[K"

// console is standard output, on a terminal with a live line as the last one on the screen. Everything else that the program
// writes, the log as well, has to go through it, or it would end up in the middle of that line. Its methods may be called from any
// goroutine at once if the console is interactive.
type console struct {
	out   io.Writer
	width func() int // columns of the terminal; nil if out is none

	mu   sync.Mutex
	live string // what the live line shows
	err  error  // the first error of a write
}

// newConsole returns a console on out, which may be a terminal.
func newConsole(out io.Writer, getenv func(string) string) *console {
	c := &console{out: out}
	file, ok := out.(*os.File)
	if ok && term.IsTerminal(int(file.Fd())) && getenv("TERM") != "dumb" {
		c.width = func() int {
			if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
				return width
			}
			return 80
		}
	}
	return c
}

// interactive reports whether a live line can be shown.
func (c *console) interactive() bool { return c.width != nil }

// Write writes whole lines above the live line.
func (c *console) Write(p []byte) (int, error) { return c.writeTo(c.out, p) }

// beside returns a writer to another file, such as standard error, that may be the same terminal.
func (c *console) beside(other io.Writer) io.Writer { return &besideConsole{c, other} }

type besideConsole struct {
	console *console
	other   io.Writer
}

func (b *besideConsole) Write(p []byte) (int, error) { return b.console.writeTo(b.other, p) }

func (c *console) writeTo(w io.Writer, p []byte) (int, error) {
	if !c.interactive() {
		return w.Write(p) // without a lock: who reads the one file slowly must not hold up the other
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live != "" {
		c.put(eraseLine)
		defer func() { c.put(c.live) }()
	}
	return w.Write(p)
}

// show replaces the live line, cut to the width of the terminal; "" takes it away. The text is plain ASCII. One write does it, so that
// nothing flickers. It returns the first error of a live line.
func (c *console) show(text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	// In the last column some terminals would go on to the next line.
	if width := c.width() - 1; len(text) > width {
		text = text[:max(width, 0)]
	}
	if text == c.live {
		return c.err
	}
	c.live = text
	// Clearing what is left behind the text, and not the line before it, is what does not flicker.
	c.put("\r" + text + "\x1b[K")
	return c.err
}

// put writes a part of the live line; c.mu is held.
func (c *console) put(text string) {
	if _, err := io.WriteString(c.out, text); err != nil && c.err == nil {
		c.err = err
	}
}
