package show

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// eraseLine moves the cursor to the start of its line and clears that.
const eraseLine = "\r\x1b[K"

// Console is an output of a program, on a terminal with a live line as the last one on the screen. Everything else that the program
// writes, the log as well, has to go through it, or it would end up in the middle of that line. Its methods may be called from any
// goroutine at once if the console is interactive.
type Console struct {
	out   io.Writer
	width func() int // columns of the terminal; nil if out is none

	mu   sync.Mutex
	live string // what the live line shows
	err  error  // the first error of a write
}

// NewConsole returns a console on out, which may be a terminal. getenv is os.Getenv outside of tests.
func NewConsole(out io.Writer, getenv func(string) string) *Console {
	c := &Console{out: out}
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

// Interactive reports whether a live line can be shown.
func (c *Console) Interactive() bool { return c.width != nil }

// Plain makes it a console without a live line, whatever its output is. It is called before anything is written.
func (c *Console) Plain() { c.width = nil }

// Write writes whole lines above the live line.
func (c *Console) Write(p []byte) (int, error) { return c.writeTo(c.out, p) }

// Beside returns a writer to another file, such as standard error, that may be the same terminal.
func (c *Console) Beside(other io.Writer) io.Writer { return &besideConsole{c, other} }

type besideConsole struct {
	console *Console
	other   io.Writer
}

func (b *besideConsole) Write(p []byte) (int, error) { return b.console.writeTo(b.other, p) }

func (c *Console) writeTo(w io.Writer, p []byte) (int, error) {
	if !c.Interactive() {
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

// Show replaces the live line, cut to the width of the terminal; "" takes it away. The text is plain ASCII. One write does it, so that
// nothing flickers. It returns the first error of a live line.
func (c *Console) Show(text string) error {
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
func (c *Console) put(text string) {
	if _, err := io.WriteString(c.out, text); err != nil && c.err == nil {
		c.err = err
	}
}
