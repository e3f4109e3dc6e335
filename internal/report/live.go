package report

import (
	"fmt"
	"slices"
	"time"
)

// Live is what a screen shows that is drawn again and again.
type Live struct {
	Programs []Program
	Order    Order
	// Now is the time of the clock on the screen.
	Now time.Time
	// Every is how often they are read.
	Every time.Duration
	// Notice is what went wrong with that, if anything did.
	Notice       string
	Paused, Help bool
	// Scroll is how many lines of the tables are above the screen.
	Scroll int
	// Height is that of the screen, in lines.
	Height int
}

// help is what a screen says of its keys, and what they do.
var help = [][2]string{
	{"s, S", "sort by the next column, by the one before"}, {"1 to 7", "sort by name, rate, queued, high water, lag, dropped, lost"},
	{"r", "reverse the order"}, {"p, space", "pause, and go on"}, {"j, k, arrows", "scroll by a line"}, {"page up, down", "scroll by a screen"},
	{"g, G", "to the top, to the bottom"}, {"?", "this help, and back"}, {"q", "quit"},
	{}, {"red", "goes wrong now"}, {"yellow", "went wrong since the program was started"},
}

const (
	headLines = 3 // above the tables
	footLines = 1 // below
)

// Room returns how many lines of the tables fit on the screen.
func (l *Live) Room() int { return max(l.Height-headLines-footLines, 0) }

// Bottom returns the scroll at which the last line is the last one on the screen.
func (l *Live) Bottom() int { return max(len(l.body())-l.Room(), 0) }

// Lines returns the screen, of as many lines as it has.
func (l *Live) Lines() []Line {
	body := l.body()
	from := min(max(l.Scroll, 0), max(len(body)-l.Room(), 0))
	shown := body[from:min(from+l.Room(), len(body))]
	lines := slices.Concat(l.head(), shown, make([]Line, l.Room()-len(shown)), []Line{l.foot(from, len(body))})
	return lines[:min(len(lines), max(l.Height, 0))]
}

// head returns what stands above the tables.
func (l *Live) head() []Line {
	first := Line{{"eventbus top", Strong}, {Text: "  " + l.Now.Format(time.TimeOnly) + "  every " + Short(l.Every)}}
	if l.Paused {
		first = append(first, Span{"  paused", Warn})
	}
	if l.Notice != "" {
		first = append(first, Span{"  " + l.Notice, Bad})
	}
	var rates Rates
	var dropped, lost, droppedBefore, lostBefore, queued uint64
	for i := range l.Programs {
		p := &l.Programs[i]
		rates = rates.Plus(p.Rates())
		before, after := p.previous().Statistics, p.After.Statistics
		dropped, lost, queued = dropped+after.Dropped, lost+after.Lost, queued+after.Queued
		droppedBefore, lostBefore = droppedBefore+before.Dropped, lostBefore+before.Lost
	}
	return []Line{first, {
		{Text: fmt.Sprintf("published %s/s  received %s/s  delivered %s/s  queued %d", rate(rates.Published), rate(rates.Received), rate(rates.Delivered), queued)},
		{fmt.Sprintf("  dropped %s/s (%d)", rate(rates.Dropped), dropped), alarm(droppedBefore, dropped)},
		{fmt.Sprintf("  lost %s/s (%d)", rate(rates.Lost), lost), alarm(lostBefore, lost)},
	}, nil}
}

// body returns what can be scrolled.
func (l *Live) body() []Line {
	var lines []Line
	if l.Help {
		for _, one := range help {
			lines = append(lines, Line{{fmt.Sprintf("%-15s", one[0]), Strong}, {Text: one[1]}})
		}
		return lines
	}
	for i := range l.Programs {
		p := &l.Programs[i]
		lines = append(append(lines, p.title()), reasons(p)...)
		if trouble := p.trouble(); trouble != nil {
			lines = append(lines, trouble)
		}
	}
	return append(lines, tables(l.Programs, l.Order)...)
}

// foot returns the last line.
func (l *Live) foot(from, all int) Line {
	place := ""
	if all > l.Room() {
		place = fmt.Sprintf("lines %d to %d of %d  ", from+1, min(from+l.Room(), all), all)
	}
	order := "by " + string(l.Order.Key)
	if l.Order.Reverse {
		order += ", reversed"
	}
	return Line{{place + order + "  q quit  s sort  r reverse  p pause  ? help", Faint}}
}
