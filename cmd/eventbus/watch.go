package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// watchQueue is how many events may wait for a slow terminal.
const watchQueue = 1 << 16

// watchID names the one subscription of this process.
const watchID = "watch"

// errTimeout is the cause of a context that --timeout has ended.
var errTimeout = errors.New("timed out")

// Run attaches, prints, and sums up. A [*codedError] says how it went if it did not go to its end.
func (w *watchCommand) Run(ctx context.Context, s *streams) error {
	if w.Explain {
		return w.explainTo(s)
	}
	if w.Timeout > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, w.Timeout, errTimeout)
		defer cancel()
		ctx = limited
	}
	logger := newLogger(s.stderr, w.Quiet)
	b, peer, err := w.attach(ctx, s, logger)
	if err != nil {
		return ended(ctx, err, "while attaching")
	}
	disconnect := sync.OnceFunc(func() { disconnect(ctx, b, logger) })
	defer disconnect()
	told := &notices{out: s.stderr}
	receiver, err := b.Subscribe(ctx, w.subscription(told))
	if err != nil {
		return ended(ctx, err, "while subscribing")
	}
	if !w.Quiet {
		fmt.Fprintf(s.stderr, "eventbus: attached to %s, watching %s\n", show.Escape(peer), w.describe(w.Patterns))
	}
	printer := show.NewStyledPrinter(s.stdout, show.Style{
		Format: w.Output, Color: show.UseColor(w.Color, s.stdout, s.getenv), Fields: w.Fields, Template: w.template,
	})
	printed, err := w.print(ctx, receiver, printer)
	if daemon.IsClosedPipe(err) {
		told.end()
		return w.missed(receiver.Statistics(), b.Statistics()) // who closed it has what it wanted
	}
	disconnect() // and with it comes the last notice
	told.end()
	if !w.Quiet {
		fmt.Fprintf(s.stderr, "eventbus: %s\n", summarize(printed, receiver.Statistics(), b.Statistics()))
	}
	if err == nil || ctx.Err() != nil {
		if missed := w.missed(receiver.Statistics(), b.Statistics()); missed != nil {
			return missed
		}
	}
	if w.Count == 0 && errors.Is(context.Cause(ctx), errTimeout) {
		return nil // to watch for that long was all that was asked for
	}
	return ended(ctx, err, fmt.Sprintf("with %d of %d events", printed, w.Count))
}

// explainTo says what would be subscribed.
func (w *watchCommand) explainTo(s *streams) error {
	e, err := w.explain(w.Patterns)
	if err != nil {
		return err
	}
	if err := e.write(s.stdout, w.Output); err != nil && !daemon.IsClosedPipe(err) {
		return err
	}
	return nil
}

// missed returns an error if --fail-on-loss asks for one.
func (w *watchCommand) missed(watched bus.SubscriptionStatistics, all bus.Statistics) error {
	if !w.FailOnLoss || watched.Lost+watched.Dropped+all.Overruns == 0 {
		return nil
	}
	text := fmt.Sprintf("lost %s, dropped %s", counted(watched.Lost, "event"), counted(watched.Dropped, "event"))
	if all.Overruns > 0 {
		text += ", overran " + counted(all.Overruns, "message")
	}
	return &codedError{exitLoss, fmt.Errorf("--fail-on-loss: %s", text)}
}

// summarize returns the closing line. What concerns the whole bus is only there if it happened: it is trouble that the other
// numbers do not explain.
func summarize(printed uint64, watched bus.SubscriptionStatistics, all bus.Statistics) string {
	text := fmt.Sprintf("received=%d dropped=%d lost=%d", printed, watched.Dropped, watched.Lost)
	if all.Overruns > 0 {
		text += fmt.Sprintf(" overruns=%d", all.Overruns)
	}
	if all.Malformed > 0 {
		text += fmt.Sprintf(" malformed=%d", all.Malformed)
	}
	return text
}

// print prints events until there are enough or ctx ends, and returns how many it printed.
func (w *watchCommand) print(ctx context.Context, receiver bus.Receiver, printer *show.Printer) (printed uint64, err error) {
	for w.Count == 0 || printed < w.Count {
		event, err := next(ctx, receiver, printer)
		if err != nil {
			return printed, errors.Join(err, printer.Flush())
		}
		if w.leavesOut(event) {
			continue
		}
		if err := printer.Print(event); err != nil {
			return printed, err
		}
		printed++
	}
	return printed, printer.Flush()
}

// next returns the next event. Only when it has to wait for one, what was printed is flushed: a person sees each event at once
// when few come, and many cost few writes.
func next(ctx context.Context, receiver bus.Receiver, printer *show.Printer) (*bus.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	event, err := receiver.TryNext()
	if event != nil || err != nil {
		return event, err
	}
	if err := printer.Flush(); err != nil {
		return nil, err
	}
	return receiver.Next(ctx)
}

// ended returns the error that the program ends with, after err has ended what it did. If that was because ctx had ended, then
// what ended ctx has an exit code; state says in words how far it came.
func ended(ctx context.Context, err error, state string) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	cause := context.Cause(ctx)
	if s, ok := errors.AsType[daemon.Signal](cause); ok {
		return &codedError{code: s.ExitCode()}
	}
	if errors.Is(cause, errTimeout) {
		return &codedError{exitTimeout, fmt.Errorf("%w %s", errTimeout, state)}
	}
	return err
}

// disconnectTimeout bounds the end of the connection: a server that does not answer must not keep a watcher that was told to end.
const disconnectTimeout = time.Second

// disconnect ends the subscription and releases the connection. The last notice has been told when it returns, unless its reader
// is too slow for that. What is still queued was not asked for: it is neither waited for nor dropped, as far as anybody counts.
func disconnect(ctx context.Context, b bus.Bus, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), disconnectTimeout)
	defer cancel()
	// An ended subscription has nothing that Shutdown could wait for or discard.
	err := errors.Join(b.Unsubscribe(ctx, watchID), b.Shutdown(ctx))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		logger.Warn("disconnecting failed", "error", err)
	}
}

// subscription is what the flags ask for.
func (w *watchCommand) subscription(told *notices) bus.Subscription {
	s := w.filterFlags.subscription(w.Patterns)
	s.ID, s.QueueCapacity, s.Overflow = watchID, watchQueue, bus.DropNewest
	if !w.Quiet {
		s.Notify = told.tell
	}
	return s
}
