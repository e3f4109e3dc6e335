package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/observe"
)

// printGrace is how long the printer gets to write its last events when the time for the shutdown is over.
const printGrace = time.Second

// daemon is one run of the program on an open bus.
type daemon struct {
	flags    flags
	settings settings
	logger   *slog.Logger
	console  *console
	events   *show.Printer // for --print, on
	printed  *lineCounter
	bus      bus.Bus
	counter  *counter

	stop       context.CancelCauseFunc // begins the end; a cause that is no stopRequest is a failure
	http       *observe.Server         // of metrics and health, or nil
	receiver   bus.Receiver            // of --print, or nil
	collectors []collect.Collector

	// What runs, in the order in which it ends.
	reporting, collecting, printing sync.WaitGroup
}

// run collects until ctx ends, --duration is over or something fails. It shuts the bus down in any case, and nothing of the
// program runs any more when it returns, unless it did not end in time.
func (d *daemon) run(ctx context.Context) error {
	if d.flags.Duration > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeoutCause(ctx, d.flags.Duration, stopRequest("--duration is over"))
		defer cancel()
	}
	ctx, d.stop = context.WithCancelCause(ctx)
	defer d.stop(nil)
	if err := d.start(ctx); err != nil {
		d.stop(err)
	}
	<-ctx.Done()
	cause := context.Cause(ctx)
	if reason := stopRequested(ctx); reason != "" {
		d.logger.Info("ending", "reason", reason)
		cause = nil
	}
	return errors.Join(cause, d.end())
}

// start starts everything: first those who receive, so that they see the first event.
func (d *daemon) start(ctx context.Context) error {
	place := describePlace(d.bus, d.settings.Bus)
	if table := d.settings.HTTP; table.Listen != "" {
		server, err := observe.Start(ctx, d.bus, &observe.Options{Listen: table.Listen, Profiles: table.Pprof, Logger: d.logger})
		if err != nil {
			return err
		}
		d.http = server
		place += fmt.Sprintf("metrics: %s/metrics\n", server.URL())
	}
	if _, err := io.WriteString(d.console, place); err != nil {
		return outputError(err)
	}
	if len(d.flags.Print) > 0 {
		receiver, err := subscribePrinter(ctx, d.bus, d.flags.Print, logMissed(d.logger))
		if err != nil {
			return err
		}
		d.receiver = receiver
		d.printing.Go(func() {
			if err := printAll(receiver, d.events); err != nil {
				d.stop(outputError(err))
				discardAll(receiver)
			}
		})
	}
	reporter := &reporter{console: d.console, logger: d.logger, counter: d.counter, interval: d.flags.Interval}
	d.reporting.Go(func() {
		if err := reporter.run(ctx); err != nil {
			d.stop(outputError(err))
		}
	})
	d.collectors = newCollectors(d.counter, d.settings.Collect, d.logger)
	d.logger.Info("collecting", "collectors", collectorNames(d.collectors))
	d.collecting.Go(func() {
		if err := runCollectors(ctx, d.collectors, d.logger); err != nil {
			d.stop(err)
		}
	})
	return nil
}

// end ends everything within --shutdown-timeout, and prints the closing table.
func (d *daemon) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), d.flags.ShutdownTimeout)
	defer cancel()
	d.reporting.Wait() // it has ended, or is about to draw its last line
	if !wait(ctx, &d.collecting) {
		d.logger.Warn("a collector does not end, going on without it")
	}
	d.flush(ctx)
	discarded, err := d.shutdown(ctx)
	d.stopHTTP(ctx)
	ended := d.awaitPrinted(ctx)
	d.warnUnprinted()
	if !ended {
		return errors.Join(err, errors.New("standard output takes nothing: no closing table"))
	}
	table := summary{bus: d.bus.Statistics(), topics: d.counter.counts(), collectors: d.collectors, discarded: discarded}
	if d.receiver != nil {
		table.subscriptions = append(table.subscriptions, d.receiver.Statistics())
	}
	if tableErr := table.write(d.console); !isClosedPipe(tableErr) {
		err = errors.Join(err, tableErr)
	}
	return err
}

// awaitPrinted waits for the printer to write what it has received, until ctx ends and a little longer. It returns false if the
// printer is not done then.
func (d *daemon) awaitPrinted(ctx context.Context) bool {
	if wait(ctx, &d.printing) {
		return true
	}
	grace, cancel := context.WithTimeout(context.Background(), printGrace)
	defer cancel()
	return wait(grace, &d.printing)
}

// flush takes half of the time at most: a server that does not answer must leave the receivers of this process some of it.
func (d *daemon) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.flags.ShutdownTimeout/2)
	defer cancel()
	if err := d.bus.Flush(ctx); err != nil {
		d.logger.Warn("some events may not have reached the server", "error", err)
	}
}

// shutdown shuts the bus down, and logs what has become of the events that were queued. That it took too long is no failure:
// discarded counts what was lost by it.
func (d *daemon) shutdown(ctx context.Context) (discarded uint64, err error) {
	before := d.bus.Statistics()
	err = d.bus.Shutdown(ctx)
	after := d.bus.Statistics()
	if e, ok := errors.AsType[*bus.ShutdownError](err); ok {
		discarded = e.Discarded
	}
	switch delivered := after.Delivered - before.Delivered; {
	case errors.Is(err, context.DeadlineExceeded):
		// The closing table may not come any more. These totals let a reader of the log balance the account.
		d.logger.Warn("the bus was cut off", "discarded", discarded, "delivered_meanwhile", delivered, slog.Group("total",
			"published", after.Published, "received", after.Received, "matched", after.Matched, "delivered", after.Delivered,
			"dropped", after.Dropped, "lost", after.Lost), "error", err)
		return discarded, nil
	case delivered > 0:
		d.logger.Info("delivered what was queued", "delivered", delivered, "discarded", discarded)
	}
	return discarded, err
}

// stopHTTP ends metrics and health, after the bus: so they show its end.
func (d *daemon) stopHTTP(ctx context.Context) {
	if d.http == nil {
		return
	}
	if err := d.http.Stop(ctx); err != nil {
		d.logger.Warn("somebody was still reading the metrics", "error", err)
	}
}

// warnUnprinted logs how many events the bus counts as delivered that the output did not take.
func (d *daemon) warnUnprinted() {
	if d.receiver == nil {
		return
	}
	printed := d.printed.lines.Load() // first: the other number is never less
	if n := d.receiver.Statistics().Delivered - printed; n > 0 {
		d.logger.Warn("events were delivered to --print and not printed", "events", n)
	}
}

// outputError returns the error of a write to standard output as the cause of the end: a reader that went away has seen enough, and
// that is no failure.
func outputError(err error) error {
	if isClosedPipe(err) {
		return stopRequest("nobody reads the output any more")
	}
	return err
}

// wait waits for a group, and returns false if ctx ends first.
func wait(ctx context.Context, group *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() { defer close(done); group.Wait() }()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}
