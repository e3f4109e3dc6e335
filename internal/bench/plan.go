package bench

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// unit says what a number is and how it is shown.
type unit string

const (
	perSecond   unit = "events/s"
	nanoseconds unit = "ns"
	bytesUnit   unit = "bytes"
	count       unit = "events"
	objects     unit = "allocations/event"
	ratioUnit   unit = "ratio"
)

// direction says which side of a goal is good.
type direction int

const (
	noGoal direction = iota
	atLeast
	atMost
)

// line is a line of the table: a number of one job, and if there is another job to compare with, their ratio.
type line struct {
	row, name     string
	unit          unit
	subject, base job
	subjectMetric metric
	baseMetric    metric // nil if there is nothing to compare with
	direction     direction
	goal          float64 // of the ratio, or of the number if there is no base
	chart, group  string  // where both numbers are plotted; empty if they are not
}

// plan is what is to be measured.
type plan struct {
	config Config
	lines  []line
}

// versus adds a line that compares two jobs by the same metric.
func (p *plan) versus(l line, m metric) {
	l.subjectMetric, l.baseMetric = m, m
	p.lines = append(p.lines, l)
}

// single adds a line of one number.
func (p *plan) single(l line, m metric) {
	l.subjectMetric = m
	p.lines = append(p.lines, l)
}

// wants says whether a row was asked for.
func (p *plan) wants(row string) bool {
	return len(p.config.Rows) == 0 || slices.Contains(p.config.Rows, row)
}

// jobs returns what the lines need, each once, in their order.
func (p *plan) jobs() []job {
	var out []job
	add := func(j job) {
		if !slices.Contains(out, j) {
			out = append(out, j)
		}
	}
	for _, l := range p.lines {
		add(l.subject)
		if l.baseMetric != nil {
			add(l.base)
		}
	}
	return out
}

// measureAll does all jobs once a round. What is long is done in the first round only.
func (p *plan) measureAll(ctx context.Context) (map[job][]result, error) {
	jobs := p.jobs()
	out := make(map[job][]result)
	for round := range p.config.Rounds {
		start := time.Now()
		p.config.progress("round %d of %d: %d measurements", round+1, p.config.Rounds, len(jobs))
		for _, j := range jobs {
			if j.Mode == modeStuck && round > 0 {
				continue
			}
			r, err := do(ctx, j)
			if err != nil {
				return nil, err
			}
			out[j] = append(out[j], r)
		}
		if round == 0 && p.config.Rounds > 1 {
			p.config.progress("a round takes %v", time.Since(start).Round(time.Second))
		}
	}
	return out, nil
}

// values applies a metric to the rounds of a job.
func values(results []result, m metric) []float64 {
	out := make([]float64, len(results))
	for i, r := range results {
		out[i] = m(r)
	}
	return out
}

// cell computes a line.
func (l line) cell(results map[job][]result) Cell {
	subject := values(results[l.subject], l.subjectMetric)
	c := Cell{Row: l.row, Name: l.name, unit: l.unit, subject: l.subject.System, direction: l.direction, Goal: l.goal, chart: l.chart, group: l.group}
	if l.baseMetric == nil {
		c.Subject = summarize(slices.Clone(subject))
		return c
	}
	base := values(results[l.base], l.baseMetric)
	c.base, c.compared = l.base.System, true
	c.Ratio = summarize(ratios(subject, base))
	c.Subject, c.Base = summarize(slices.Clone(subject)), summarize(slices.Clone(base))
	return c
}

// subscribers says how many there are.
func subscribers(n int) string {
	if n == 1 {
		return "1 subscriber"
	}
	return fmt.Sprintf("%d subscribers", n)
}
