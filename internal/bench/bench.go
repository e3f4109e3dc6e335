package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The numbers of rounds.
const (
	DefaultRounds = 7
	quickRounds   = 3
	maxRounds     = 1000 // already half a day; the results of all are kept
)

// How long the measured part of a measurement takes.
const (
	normalTarget = 600 * time.Millisecond
	quickTarget  = 200 * time.Millisecond
	shortTarget  = 10 * time.Millisecond // of what repeats while Config.Events is set
)

// Rows are the numbers of the rows that can be measured. 6 and 9 need peers.
var rowNumbers = []string{"1", "1b", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}

// Config says what to measure. The zero value is valid.
type Config struct {
	// Rounds is how often everything is measured; 0 is 7, or 3 if Quick.
	Rounds int
	// Rows are the numbers of the rows to measure; none is all.
	Rows []string
	// Quick makes measurements shorter. The numbers are good for a first look.
	Quick bool
	// Events is how many events each measurement publishes; 0 is as many as take long enough. It is for tests.
	Events int
	// Progress is told in a line what is going on, if it is not nil.
	Progress func(string)
	// Peers are the systems that are there beside ours.
	Peers Peers
}

// Validate returns an error that names what cannot be.
func (c *Config) Validate() error {
	if c.Rounds < 0 || c.Rounds > maxRounds {
		return fmt.Errorf("rounds: %d: must be 1 to %d", c.Rounds, maxRounds)
	}
	if c.Events < 0 {
		return fmt.Errorf("events: %d is negative", c.Events)
	}
	peers := map[string]int{"6": len(c.Peers.Systems), "9": len(c.Peers.Pairs)} // that these rows are about
	there := slices.DeleteFunc(slices.Clone(rowNumbers), func(row string) bool { n, needed := peers[row]; return needed && n == 0 })
	for _, row := range c.Rows {
		switch {
		case slices.Contains(there, row):
		case slices.Contains(rowNumbers, row):
			return fmt.Errorf("rows: %s is about other projects, and measured by the module benchmarks of the repository: cd benchmarks && go run . -rows %[1]s", row)
		default:
			return fmt.Errorf("rows: no row %q, there are %s", row, strings.Join(there, ", "))
		}
	}
	return nil
}

func (c *Config) target() time.Duration {
	switch {
	case c.Events > 0:
		return shortTarget
	case c.Quick:
		return quickTarget
	}
	return normalTarget
}

func (c *Config) progress(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf(format, args...))
	}
}

// Run measures. The program has to have called [Worker] first.
func Run(ctx context.Context, config Config) (*Report, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if config.Rounds == 0 {
		config.Rounds = DefaultRounds
		if config.Quick {
			config.Rounds = quickRounds
		}
	}
	p := &plan{config: config}
	p.rows()
	results, err := p.measureAll(ctx)
	if err != nil {
		return nil, err
	}
	report := &Report{Rounds: config.Rounds}
	for _, l := range p.lines {
		report.Cells = append(report.Cells, l.cell(results))
	}
	return report, nil
}
