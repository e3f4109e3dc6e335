package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/report"
	"github.com/daemoneye/eventbus/internal/screen"
	"github.com/daemoneye/eventbus/internal/show"
)

// topCommand is the command line of top.
type topCommand struct {
	Every time.Duration  `default:"1s" placeholder:"DURATION" help:"How often the counters are read (${default})."`
	Sort  report.Key     `enum:"name,rate,queued,high-water,lag,dropped,lost" default:"rate" help:"What comes first: ${enum}."`
	Rows  int            `default:"100" placeholder:"N" help:"Subscriptions and topics of each program, at most 1000 (${default})."`
	Wait  time.Duration  `default:"500ms" placeholder:"DURATION" help:"How long answers may take (${default})."`
	Color show.ColorMode `enum:"auto,always,never" default:"auto" help:"Color text: auto, always or never. auto is unless NO_COLOR is set."`
	attachFlags
}

// Help is shown below the flags of top.
func (*topCommand) Help() string {
	return `A screen of what eventbus stats prints, of all programs on the bus together, that is drawn anew as the counters change. Red is what goes
wrong now, yellow what went wrong since the program was started. When nobody answers, the last counters stay, and the first line says so.

Keys:

    s, S       sort by the next column, by the one before    j, k, arrows   scroll by a line
    1 to 7     sort by that column                           page up, down  scroll by a screen
    r          reverse the order                             g, G           to the top, to the bottom
    p, space   pause, and go on                              ?              help
    q          quit

Examples:

    eventbus top
    eventbus top --sort dropped --every 5s

Exit codes: 0 quit, 1 error, 2 usage (such as no terminal), 3 nothing to attach to or nobody who answers, 130 interrupted, 143 terminated.`
}

// minEvery bounds --every: more often, nobody can read.
const minEvery = 100 * time.Millisecond

// Validate checks what can be checked before there is a connection.
func (c *topCommand) Validate() error {
	if c.Every < minEvery {
		return fmt.Errorf("--every: %v: must be at least %v", c.Every, minEvery)
	}
	if err := checkRows(c.Rows); err != nil {
		return err
	}
	if err := checkWait(c.Wait); err != nil {
		return err
	}
	return c.attachFlags.Validate()
}

// errNoScreen is returned if there is nothing to draw on.
var errNoScreen = &daemon.UsageError{Reason: "top needs a terminal for its input and output: eventbus stats --every 2s prints the same to anything"}

// Run draws until somebody has seen enough.
func (c *topCommand) Run(ctx context.Context, s *streams) (err error) {
	in, inOK := s.stdin.(*os.File)
	out, outOK := s.stdout.(*os.File)
	if !inOK || !outOK || !screen.Usable(in, out, s.getenv("TERM")) {
		return errNoScreen
	}
	// Its lines would stand in the middle of the screen; that the connection is lost shows there anyway.
	logger := slog.New(slog.DiscardHandler)
	c.client = "eventbus top"
	b, peer, err := c.attach(ctx, s, logger)
	if err != nil {
		return ended(ctx, err, "while attaching")
	}
	defer release(ctx, b, logger)
	gather := newGatherer(b, c.Wait, c.Rows)
	gather.order = c.Sort.Wanted()
	programs, err := gather.next(ctx)
	if err != nil {
		return ended(ctx, explain(err, show.Escape(peer)), "while asking")
	}
	ctx, stop := untilHangup(ctx)
	defer stop()
	t := &top{
		live: report.Live{Programs: programs, Order: report.Order{Key: c.Sort}, Every: c.Every}, read: time.Now(),
		color:  show.UseColor(c.Color, s.stdout, s.getenv),
		gather: gather,
	}
	if t.screen, err = screen.Open(in, out); err != nil {
		return err
	}
	defer func() { err = ended(ctx, errors.Join(err, t.screen.Close()), "while drawing") }() // also in a panic
	return t.run(ctx)
}

// untilHangup returns a context that also ends with the signals that end programs at a terminal: it must be left as it was.
func untilHangup(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGQUIT)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		select {
		case s := <-signals:
			cancel(daemon.Signal{Signal: s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil); <-finished }
}

// reading is what the programs count, or why that is not known.
type reading struct {
	programs []report.Program
	err      error
	at       time.Time
}

// top is a running screen.
type top struct {
	live   report.Live
	read   time.Time // when the counters on the screen were
	color  bool
	screen *screen.Screen
	gather *gatherer
}

// run draws until ctx ends, a key ends it, or the terminal is gone.
func (t *top) run(ctx context.Context) error {
	asked, answers := make(chan control.Sort), make(chan reading, 1)
	ctx, cancel := context.WithCancel(ctx)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for order := range asked {
			t.gather.order = order
			programs, err := t.gather.next(ctx)
			answers <- reading{programs, err, time.Now()}
		}
	}()
	defer func() { cancel(); close(asked); <-finished }()
	ticker := time.NewTicker(t.live.Every)
	defer ticker.Stop()
	waiting := false // for an answer
	for {
		if err := t.draw(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			if !waiting && !t.live.Paused {
				waiting = true
				asked <- t.live.Order.Key.Wanted()
			}
		case answer := <-answers:
			waiting = false
			t.take(answer)
		case change := <-t.screen.Changed():
			if err := t.screen.Refresh(change); err != nil {
				return err
			}
		case key, ok := <-t.screen.Keys():
			if !ok {
				return errors.New("the terminal is gone")
			}
			if done, err := t.press(key); done || err != nil {
				return err
			}
		}
	}
}

// take shows a reading. If there is none, the last one stays.
func (t *top) take(answer reading) {
	if answer.err != nil {
		t.live.Notice = fmt.Sprintf("no answer since %s", t.read.Format(time.TimeOnly))
		return
	}
	t.live.Notice = ""
	if !t.live.Paused { // it was asked for before
		t.live.Programs, t.read = answer.programs, answer.at
	}
}

// draw draws the screen.
func (t *top) draw() error {
	width, height := t.screen.Size()
	t.live.Height, t.live.Now = height, time.Now()
	t.live.Scroll = min(max(t.live.Scroll, 0), t.live.Bottom())
	var lines []string
	for _, line := range t.live.Lines() {
		lines = append(lines, line.Render(width, t.color))
	}
	return t.screen.Draw(lines)
}

// press does what a key is for. done says that it was the one to quit.
func (t *top) press(key screen.Key) (done bool, err error) {
	keys := report.Keys()
	switch key {
	case "q":
		return true, nil
	case screen.Interrupt:
		return true, &codedError{code: daemon.Signal{Signal: os.Interrupt}.ExitCode()}
	case screen.Suspend:
		return false, t.screen.Stop()
	case screen.Escape:
		t.live.Help = false
	case "?", "h":
		t.live.Help, t.live.Scroll = !t.live.Help, 0
	case "p", " ":
		t.live.Paused = !t.live.Paused
	case "r":
		t.live.Order.Reverse = !t.live.Order.Reverse
	case "s":
		t.live.Order.Key = t.live.Order.Key.Next()
	case "S":
		for range len(keys) - 1 { // once less than all the way round
			t.live.Order.Key = t.live.Order.Key.Next()
		}
	default:
		if n, err := strconv.Atoi(string(key)); err == nil && n >= 1 && n <= len(keys) {
			t.live.Order.Key = keys[n-1]
		}
		t.scroll(key)
	}
	return false, nil
}

// scroll moves the tables, if the key is one for that.
func (t *top) scroll(key screen.Key) {
	by := 0
	switch {
	case slices.Contains([]screen.Key{"j", screen.Down}, key):
		by = 1
	case slices.Contains([]screen.Key{"k", screen.Up}, key):
		by = -1
	case key == screen.PageDown:
		by = t.live.Room()
	case key == screen.PageUp:
		by = -t.live.Room()
	case slices.Contains([]screen.Key{"g", screen.Home}, key):
		by = -t.live.Scroll
	case slices.Contains([]screen.Key{"G", screen.End}, key):
		by = t.live.Bottom() - t.live.Scroll
	}
	t.live.Scroll += by
}
