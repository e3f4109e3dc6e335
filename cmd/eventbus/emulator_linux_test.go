package main_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// emulator does what a terminal does with what a screen writes. It knows no other escapes than those, and what it does not know is wrong.
type emulator struct {
	mu        sync.Mutex // guards what follows
	written   string
	pending   string
	lines     map[int]string // of the alternate screen, from 1
	row       int
	alternate bool
	hidden    bool // the cursor
	frame     bool // one is being drawn
	wrong     []string
}

var escape = regexp.MustCompile(`^\x1b\[(\??[0-9;]*)([A-Za-z])`)

// Write implements [io.Writer].
func (e *emulator) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.written += string(p)
	e.pending += string(p)
	for e.pending != "" {
		if e.pending[0] != 0x1b {
			end := strings.IndexByte(e.pending, 0x1b)
			if end < 0 {
				end = len(e.pending)
			}
			e.text(e.pending[:end])
			e.pending = e.pending[end:]
			continue
		}
		match := escape.FindStringSubmatch(e.pending)
		if match == nil {
			break // the rest comes
		}
		e.obey(match[0], match[1], match[2])
		e.pending = e.pending[len(match[0]):]
	}
	return len(p), nil
}

func (e *emulator) text(text string) {
	if !e.alternate {
		return
	}
	if !e.frame {
		e.wrong = append(e.wrong, fmt.Sprintf("text between frames: %q", text))
	}
	e.lines[e.row] += text
}

func (e *emulator) obey(all, parameters, final string) {
	switch final + parameters {
	case "h?1049":
		e.alternate, e.lines = true, make(map[int]string)
	case "l?1049":
		e.alternate = false
	case "l?25", "h?25":
		e.hidden = final == "l"
	case "l?7", "h?7":
	case "h?2026", "l?2026":
		if e.frame == (final == "h") {
			e.wrong = append(e.wrong, "frames are nested")
		}
		e.frame = final == "h"
	case "K":
	default:
		switch row, column, ok := strings.Cut(parameters, ";"); {
		case final == "m":
		case final == "H" && ok && column == "1":
			e.row, _ = strconv.Atoi(row)
			e.lines[e.row] = "" // the rest of each line is erased
			return
		default:
			e.wrong = append(e.wrong, fmt.Sprintf("unknown: %q", all))
		}
	}
}

// screen returns what is on the alternate screen.
func (e *emulator) screen() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var b strings.Builder
	for row := range 100 {
		if line := e.lines[row]; line != "" {
			fmt.Fprintf(&b, "%2d %s\n", row, line)
		}
	}
	return b.String()
}

// state returns what is set, what was written in all, and what of it was wrong.
func (e *emulator) state() (alternate, hidden bool, written string, wrong []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.alternate, e.hidden, e.written, e.wrong
}
