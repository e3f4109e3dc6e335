package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/internal/show"
)

const (
	// progressAfter is how long it takes until there is a progress bar: what is done by then needs none.
	progressAfter = 500 * time.Millisecond
	// progressInterval is how often it is drawn.
	progressInterval = 100 * time.Millisecond
	// progressWidth is that of the bar, in characters.
	progressWidth = 24
)

// progress shows on a terminal how far the work is.
type progress struct {
	console *show.Console // nil if nothing is shown
	total   int64         // 0 is unknown
	start   time.Time
	drawn   time.Time
}

func newProgress(console *show.Console, wanted bool) *progress {
	p := &progress{start: time.Now()}
	if wanted && console.Interactive() {
		p.console = console
	}
	return p
}

// draw shows how much was read, and how many events were published.
func (p *progress) draw(read int64, published uint64) {
	now := time.Now()
	if p.console == nil || now.Sub(p.start) < progressAfter || now.Sub(p.drawn) < progressInterval {
		return
	}
	p.drawn = now
	_ = p.console.Show(progressLine(read, p.total, published, now.Sub(p.start))) // a terminal that is gone needs no progress
}

// progressLine returns the line, in ASCII.
func progressLine(read, total int64, published uint64, after time.Duration) string {
	line := fmt.Sprintf("%d events  %.0f/s", published, float64(published)/after.Seconds())
	if total <= 0 {
		return line
	}
	part := min(float64(read)/float64(total), 1) // the file may grow
	done := int(part * progressWidth)
	return fmt.Sprintf("[%s%s] %3.0f%%  %s", strings.Repeat("#", done), strings.Repeat(" ", progressWidth-done), part*100, line)
}

// end takes the bar away.
func (p *progress) end() {
	if p.console != nil {
		_ = p.console.Show("")
	}
}
