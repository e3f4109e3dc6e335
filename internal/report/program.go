package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/show"
)

// Program is a program on the bus.
type Program struct {
	// Status is who it is and how it is; zero if it has not said.
	Status control.StatusReport
	// Before and After are two readings of its counters. Before is zero if there is one only: rates are then those since its start.
	Before, After control.DiagnosticsReport
}

// previous returns the earlier reading, if it is one of the same bus.
func (p *Program) previous() control.DiagnosticsReport {
	if p.Before.Statistics.Publisher != p.After.Statistics.Publisher || p.Before.Statistics.Uptime >= p.After.Statistics.Uptime {
		return control.DiagnosticsReport{} // it was started anew, and counts from nothing
	}
	return p.Before
}

// Over returns the time between the readings.
func (p *Program) Over() time.Duration {
	return p.After.Statistics.Uptime - p.previous().Statistics.Uptime
}

// perSecond returns how often something happened between the readings.
func (p *Program) perSecond(before, after uint64) float64 {
	over := p.Over()
	if over <= 0 || after < before {
		return 0
	}
	return float64(after-before) / over.Seconds()
}

// Rates are counts a second.
type Rates struct {
	Published float64 `json:"published"`
	Received  float64 `json:"received"`
	Delivered float64 `json:"delivered"`
	Dropped   float64 `json:"dropped"`
	Lost      float64 `json:"lost"`
}

// Plus returns the sums.
func (r Rates) Plus(other Rates) Rates {
	return Rates{
		r.Published + other.Published, r.Received + other.Received, r.Delivered + other.Delivered, r.Dropped + other.Dropped, r.Lost + other.Lost,
	}
}

// Rates returns what happened between the readings.
func (p *Program) Rates() Rates {
	before, after := p.previous().Statistics, p.After.Statistics
	return Rates{
		Published: p.perSecond(before.Published, after.Published), Received: p.perSecond(before.Received, after.Received),
		Delivered: p.perSecond(before.Delivered, after.Delivered), Dropped: p.perSecond(before.Dropped, after.Dropped),
		Lost: p.perSecond(before.Lost, after.Lost),
	}
}

// name returns what the program is called in a table.
func (p *Program) name() string { return show.Quote(cmp.Or(p.After.ID, p.Status.ID)) }

// title returns a line that says which program it is.
func (p *Program) title() Line {
	line := Line{{p.name(), Strong}}
	add := func(format string, values ...any) {
		line = append(line, Span{Text: "  " + fmt.Sprintf(format, values...)})
	}
	if status := p.Status; status.ID != "" {
		add("%s", show.Escape(strings.TrimSpace(status.Program+" "+status.Version)))
		add("process %d on %s", status.PID, show.Escape(status.Host))
	}
	statistics := p.After.Statistics
	add("up %v", Short(statistics.Uptime))
	switch {
	case statistics.Closed:
		line = append(line, Span{"  shut down", Bad})
	case !statistics.Connected:
		line = append(line, Span{"  not connected for " + Short(statistics.DisconnectedFor), Bad})
	}
	if health := p.Status.Health; health != "" && health != bus.HealthHealthy {
		line = append(line, Span{"  " + show.Escape(string(health)), Bad})
	}
	return line
}

// trouble returns the counters of what should not be, of those that are not zero; nothing if all are.
func (p *Program) trouble() Line {
	before, after := p.previous(), p.After
	counters := []struct {
		name          string
		before, after uint64
	}{
		{"malformed", before.Statistics.Malformed, after.Statistics.Malformed},
		{"forged", before.Statistics.Forged, after.Statistics.Forged},
		{"forbidden", before.Statistics.Forbidden, after.Statistics.Forbidden},
		{"unsent", before.Statistics.Unsent, after.Statistics.Unsent},
		{"overruns", before.Statistics.Overruns, after.Statistics.Overruns},
		{"stale", before.Statistics.Stale, after.Statistics.Stale},
		{"untracked", before.Statistics.Untracked, after.Statistics.Untracked},
		{"reconnects", before.Statistics.Reconnects, after.Statistics.Reconnects},
		{"slow clients", slowClients(before), slowClients(after)},
	}
	var line Line
	for _, one := range counters {
		if one.after > 0 {
			line = append(line, Span{fmt.Sprintf("  %s %d", one.name, one.after), alarm(one.before, one.after)})
		}
	}
	if line != nil {
		line = append(Line{{"trouble:", Faint}}, line...)
	}
	return line
}

func slowClients(report control.DiagnosticsReport) uint64 {
	if report.Server == nil {
		return 0
	}
	return report.Server.SlowClients
}

// alarm returns the style of a counter of what should not be.
func alarm(before, after uint64) Style {
	switch {
	case after > before:
		return Bad
	case after > 0:
		return Warn
	}
	return Plain
}

// Short returns a duration with no more digits than say something.
func Short(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// rate returns a number a second as text.
func rate(perSecond float64) string {
	if perSecond >= 1000 {
		return fmt.Sprintf("%.0f", perSecond)
	}
	return fmt.Sprintf("%.1f", perSecond)
}
