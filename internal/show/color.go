package show

import (
	"io"
	"os"

	"golang.org/x/term"
)

// ColorMode says when text is colored.
type ColorMode string

// The color modes.
const (
	ColorAuto   ColorMode = "auto" // on a terminal, unless the user does not want it
	ColorAlways ColorMode = "always"
	ColorNever  ColorMode = "never"
)

// UseColor decides whether text on out is colored. With ColorAuto it is if out is a terminal, NO_COLOR is empty, and TERM names
// a terminal that is not dumb. (Windows has no TERM of its own: its older consoles would print the escapes.) getenv is
// os.Getenv outside of tests.
func UseColor(mode ColorMode, out io.Writer, getenv func(string) string) bool {
	if mode != ColorAuto {
		return mode == ColorAlways
	}
	if kind := getenv("TERM"); kind == "" || kind == "dumb" || getenv("NO_COLOR") != "" {
		return false
	}
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
