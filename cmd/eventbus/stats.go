package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/report"
	"github.com/daemoneye/eventbus/internal/show"
)

// statsCommand is the command line of stats.
type statsCommand struct {
	Every  time.Duration  `placeholder:"DURATION" help:"Print again and again, with what happened in between. Without it once, with what happened in a second."`
	Count  uint64         `placeholder:"N" help:"With --every, end after N times; 0 goes on for ever."`
	Sort   report.Key     `enum:"name,rate,queued,high-water,lag,dropped,lost" default:"name" help:"What comes first: ${enum}."`
	Rows   int            `default:"100" placeholder:"N" help:"Subscriptions and topics of each program, at most 1000 (${default})."`
	Wait   time.Duration  `default:"500ms" placeholder:"DURATION" help:"How long answers may take (${default})."`
	Output show.Format    `short:"o" enum:"text,json" default:"text" help:"text is tables for a person, json one object a line for each program."`
	Color  show.ColorMode `enum:"auto,always,never" default:"auto" help:"Color text: auto, always or never. auto is on a terminal, unless NO_COLOR is set."`
	attachFlags
}

// Help is shown below the flags of stats.
func (*statsCommand) Help() string {
	return `Every program on the bus is asked for its counters: what it published, what its subscriptions got, how much waits in each queue and the most
that ever did (HIGH WATER), what was dropped and why (DROPPED BY), and what was lost on its way there.

    overflow   there was no room: the event that came      timeout   a publisher has waited for room for too long
    displaced  there was no room: the oldest event         remote    there was no room, and the publisher is elsewhere
    circuit    the circuit was open                        shutdown  what was queued at the end

Red is what goes wrong now, yellow what went wrong since the program was started. Rates are those between two readings.

Examples:

    eventbus stats
    eventbus stats --every 2s --sort dropped
    eventbus stats --every 10s --count 6 -o json | jq '{id, rates}'
    eventbus stats -o json | jq '.statistics.subscriptions[] | select(.dropped > 0) | {id, drops}'

Exit codes: 0 done, 1 error, 2 usage, 3 nothing to attach to or nobody who answers, 130 interrupted, 143 terminated.`
}

// Validate checks what can be checked before there is a connection.
func (c *statsCommand) Validate() error {
	if c.Every < 0 {
		return fmt.Errorf("--every: %v is negative", c.Every)
	}
	if c.Count > 0 && c.Every == 0 {
		return fmt.Errorf("--count: %d: is for --every", c.Count)
	}
	if err := checkRows(c.Rows); err != nil {
		return err
	}
	if err := checkWait(c.Wait); err != nil {
		return err
	}
	return c.attachFlags.Validate()
}

func checkRows(rows int) error {
	if rows < 1 || rows > control.MaxRows {
		return fmt.Errorf("--rows: %d: must be 1 to %d", rows, control.MaxRows)
	}
	return nil
}

// Run prints the counters.
func (c *statsCommand) Run(ctx context.Context, s *streams) error {
	logger := errorLogger(s.stderr)
	c.client = "eventbus stats"
	b, peer, err := c.attach(ctx, s, logger)
	if err != nil {
		return ended(ctx, err, "while attaching")
	}
	defer release(ctx, b, logger)
	every, count := c.Every, c.Count
	if every == 0 {
		every, count = time.Second, 1
	}
	gather := newGatherer(b, c.Wait, c.Rows)
	gather.order = c.Sort.Wanted()
	if _, err := gather.next(ctx); err != nil {
		return ended(ctx, explain(err, show.Escape(peer)), "while asking")
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	color := show.UseColor(c.Color, s.stdout, s.getenv)
	for printed := uint64(0); count == 0 || printed < count; printed++ {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ended(ctx, ctx.Err(), "while waiting")
		}
		programs, err := gather.next(ctx)
		if err != nil {
			return ended(ctx, explain(err, show.Escape(peer)), "while asking")
		}
		if err := c.print(s.stdout, programs, color, printed == 0); err != nil {
			if daemon.IsClosedPipe(err) {
				return nil
			}
			return err
		}
	}
	return nil
}

// print prints one time's counters.
func (c *statsCommand) print(out io.Writer, programs []report.Program, color, first bool) error {
	if c.Output == show.JSON {
		for _, p := range programs {
			if err := show.WriteJSON(out, objectOf(p)); err != nil {
				return err
			}
		}
		return nil
	}
	var lines []report.Line
	for i, p := range programs {
		if i > 0 || !first {
			lines = append(lines, nil)
		}
		lines = append(lines, report.Sheet(p, report.Order{Key: c.Sort})...)
	}
	_, err := io.WriteString(out, report.Render(lines, color))
	return err
}

// statsObject is a program as JSON: what it answered, and what it did between two answers.
type statsObject struct {
	control.DiagnosticsReport
	Program string       `json:"program"`
	Version string       `json:"version"`
	PID     int          `json:"pid"`
	Host    string       `json:"host"`
	Health  bus.Health   `json:"health"`
	Over    int64        `json:"over_ns"`
	Rates   report.Rates `json:"rates"`
}

func objectOf(p report.Program) statsObject {
	return statsObject{
		DiagnosticsReport: p.After, Program: p.Status.Program, Version: p.Status.Version, PID: p.Status.PID, Host: p.Status.Host,
		Health: p.Status.Health, Over: p.Over().Nanoseconds(), Rates: p.Rates(),
	}
}
