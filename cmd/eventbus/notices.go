package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

// notices prints what the bus tells the watcher of the events that it missed, a line for each notice.
type notices struct {
	out io.Writer

	// mu guards over. It is held while a line is written, so that end can promise that none comes later; who calls end is about
	// to write to the same place, and would have to wait there anyway.
	mu   sync.Mutex
	over bool
}

// tell prints a notice. The bus calls it on a goroutine of its own.
func (n *notices) tell(notice bus.Notice) {
	text := describeNotice(notice)
	if text == "" {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.over {
		fmt.Fprintf(n.out, "eventbus: %s\n", text)
	}
}

// end returns when no line is being written, and lets no other come.
func (n *notices) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
}

// describeNotice returns what a person should know of a notice, in one line, or "". Of the causes of drops only want of room
// is one, since a watcher drops the newest event and leaves nothing behind when it shuts down its bus.
func describeNotice(notice bus.Notice) string {
	var parts []string
	if notice.Lost > 0 {
		parts = append(parts, fmt.Sprintf("lost %s: %s", counted(notice.Lost, "event"), show.Losses(notice.Losses)))
	}
	if dropped := notice.Drops.Overflow; dropped > 0 {
		parts = append(parts, fmt.Sprintf("dropped %s: this output is too slow", counted(dropped, "event")))
	}
	return strings.Join(parts, "; ")
}

// counted returns how many things there are, such as 1 event or 2 events.
func counted(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
