package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what was measured.
type Report struct {
	Rounds int
	Cells  []Cell
}

// Cell is a line of the table.
type Cell struct {
	// Row is the number of the row, such as "1" or "1b".
	Row string
	// Name says what was measured.
	Name string
	// Subject and Base are the numbers of the system and of what it is compared with, over the rounds.
	Subject, Base Summary
	// Ratio is the first divided by the second, round by round.
	Ratio Summary
	// Goal is what the ratio, or the number if there is nothing to compare with, should be at least or at most.
	Goal float64

	unit          unit
	subject, base string // names of the systems
	compared      bool
	direction     direction
	chart, group  string
}

// measured is the number that the goal is about.
func (c *Cell) measured() Summary {
	if c.compared {
		return c.Ratio
	}
	return c.Subject
}

// Met says whether the goal was reached. ok is false if there is none, or nothing was measured.
func (c *Cell) Met() (met, ok bool) {
	m := c.measured().Median
	if c.direction == noGoal || math.IsNaN(m) {
		return false, false
	}
	if c.direction == atLeast {
		return m >= c.Goal, true
	}
	return m <= c.Goal, true
}

// WriteText writes the table.
func (r *Report) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "Medians of %d rounds, quartiles of the ratio in brackets. %s %s/%s, %d processors.\n\n",
		r.Rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0)); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROW\tWHAT\tNUMBERS\tRATIO\tGOAL\tMET")
	for i := range r.Cells {
		fmt.Fprintln(table, strings.Join(r.Cells[i].columns(), "\t"))
	}
	return table.Flush()
}

// columns returns the cell as text.
func (c *Cell) columns() []string {
	numbers := fmt.Sprintf("%s %s", c.subject, format(c.Subject.Median, c.unit))
	ratio, goal, verdict := "-", "-", "-"
	if c.compared {
		ratio = "not measured"
		if !math.IsNaN(c.Ratio.Median) {
			ratio = fmt.Sprintf("%.2f [%.2f..%.2f]", c.Ratio.Median, c.Ratio.Low, c.Ratio.High)
		}
		if c.base == c.subject {
			numbers += ", was " + format(c.Base.Median, c.unit)
		} else {
			numbers += fmt.Sprintf(", %s %s", c.base, format(c.Base.Median, c.unit))
		}
	}
	switch c.direction {
	case atLeast:
		goal = fmt.Sprintf(">= %v", c.Goal)
	case atMost:
		goal = fmt.Sprintf("<= %v", c.Goal)
	}
	if met, ok := c.Met(); ok {
		verdict = map[bool]string{true: "yes", false: "NO"}[met]
	}
	return []string{c.Row, c.Name, numbers, ratio, goal, verdict}
}

// format shows a number with its unit.
func format(v float64, u unit) string {
	switch u {
	case perSecond:
		if v >= 1e6 {
			return fmt.Sprintf("%.2f M/s", v/1e6)
		}
		return fmt.Sprintf("%.0f k/s", v/1e3)
	case nanoseconds:
		d := time.Duration(v)
		if d >= 10*time.Microsecond {
			d = d.Round(100 * time.Nanosecond)
		}
		return d.String()
	case bytesUnit:
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	case objects:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// entry is a cell for other programs.
type entry struct {
	Number   string  `json:"number"`
	Name     string  `json:"name"`
	Measured float64 `json:"measured"`
	Goal     float64 `json:"goal"` // 0 if there is none
	Unit     string  `json:"unit"`
	Spread   float64 `json:"spread"` // between the quartiles of the rounds
}

// WriteJSON writes an array with an object for each number: the ratios with their goals, and the two numbers behind each of them,
// which have none. What could not be measured is left out, since JSON has no such number.
func (r *Report) WriteJSON(w io.Writer) error {
	entries := []entry{}
	seen := make(map[entry]bool)
	add := func(e entry, s Summary) {
		e.Measured, e.Spread = s.Median, s.Spread()
		if !math.IsNaN(e.Measured) && !seen[e] {
			seen[e] = true
			entries = append(entries, e)
		}
	}
	for _, c := range r.Cells {
		name := c.Name + ": " + c.subject
		if !c.compared {
			add(entry{Number: c.Row, Name: name, Goal: c.Goal, Unit: string(c.unit) + c.direction.suffix()}, c.Subject)
			continue
		}
		add(entry{Number: c.Row, Name: name + " / " + c.base, Goal: c.Goal, Unit: string(ratioUnit) + c.direction.suffix()}, c.Ratio)
		base := c.Name + ": " + c.base
		if c.base == c.subject {
			base += ", before"
		}
		add(entry{Number: c.Row, Name: name, Unit: string(c.unit)}, c.Subject)
		add(entry{Number: c.Row, Name: base, Unit: string(c.unit)}, c.Base)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(entries)
}

// suffix says in the unit of a number with a goal which side of it is good.
func (d direction) suffix() string {
	switch d {
	case atLeast:
		return ", at least"
	case atMost:
		return ", at most"
	}
	return ""
}
