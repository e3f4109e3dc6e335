package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// printGrace is how long the printer gets to write its last events when the time for the shutdown is over.
const printGrace = time.Second

// session is one run of the program on an open bus.
type session struct {
	flags    flags
	settings settings
	logger   *slog.Logger
	level    *slog.LevelVar // of the logger; setting it counts at once
	console  *show.Console
	hangups  *daemon.Hangups
	manager  *daemon.Supervisor
	color    bool // of --print
	bus      bus.Bus
	counter  *counter

	stop       context.CancelCauseFunc // begins the end; a cause that is no stopRequest is a failure
	printing   *daemon.Printing        // of --print, or nil
	http       *daemon.HTTPServer      // of metrics, health and the page, or nil
	control    atomic.Pointer[control.Service]
	reload     func() // the configuration
	collectors []collect.Collector
	failures   failures // of collectors

	// What runs, in the order in which it ends.
	reporting, collecting sync.WaitGroup
}

// run collects until ctx ends, --duration is over or something fails. It shuts the bus down in any case, and nothing of the
// program runs any more when it returns, unless it did not end in time.
func (d *session) run(ctx context.Context) error {
	if d.flags.Duration > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeoutCause(ctx, d.flags.Duration, stopRequest("--duration is over"))
		defer cancel()
	}
	ctx, d.stop = context.WithCancelCause(ctx)
	defer d.stop(nil)
	// The counters need the locks of the bus: a bus that is stuck in one of them is not alive.
	defer d.manager.Watch(func() { d.bus.Statistics() })()
	stopReloading := func() {}
	if err := d.start(ctx); err != nil {
		d.stop(err)
	} else {
		d.manager.Ready()
		stopReloading = d.hangups.Each(func() { d.manager.Reload(d.reload) })
	}
	<-ctx.Done()
	stopReloading() // a service that has said that it stops is not ready any more
	d.manager.Stopping()
	cause := context.Cause(ctx)
	if reason := stopRequested(ctx); reason != "" {
		d.logger.Info("ending", "reason", reason)
		cause = nil
	}
	return errors.Join(cause, d.end())
}

// start starts everything: first those who receive, so that they see the first event.
func (d *session) start(ctx context.Context) error {
	d.collectors = newCollectors(d.counter, d.settings.Collect, d.logger)
	if err := d.serveControl(ctx); err != nil {
		return err
	}
	place := daemon.Describe(d.bus, d.settings.Bus)
	var err error
	if d.http, err = daemon.StartHTTP(ctx, d.bus, d.settings.HTTP, d.logger); err != nil {
		return err
	}
	if _, err := io.WriteString(d.console, place+d.http.Describe()); err != nil {
		return outputError(err)
	}
	if len(d.flags.Print) > 0 {
		printing, err := daemon.Subscribe(ctx, d.bus, d.flags.Print, d.console, d.color, d.logger)
		if err != nil {
			return err
		}
		d.printing = printing
		printing.Start(func(err error) { d.stop(outputError(err)) })
	}
	reporter := &reporter{console: d.console, logger: d.logger, counter: d.counter, interval: d.flags.Interval}
	d.reporting.Go(func() {
		if err := reporter.run(ctx); err != nil {
			d.stop(outputError(err))
		}
	})
	d.logger.Info("collecting", "collectors", collectorNames(d.collectors))
	d.collecting.Go(func() {
		if err := runCollectors(ctx, d.collectors, &d.failures, d.logger); err != nil {
			d.stop(err)
		}
	})
	return nil
}

// end ends everything within --shutdown-timeout, and prints the closing table.
func (d *session) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), d.flags.ShutdownTimeout)
	defer cancel()
	service := d.control.Load()
	if service != nil {
		service.Stopping()
	}
	d.reporting.Wait() // it has ended, or is about to draw its last line
	if !daemon.Wait(ctx, &d.collecting) {
		d.logger.Warn("a collector does not end, going on without it")
	}
	if service != nil {
		service.Stop() // the last heartbeat is flushed with the rest
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
	if d.printing != nil {
		table.subscriptions = append(table.subscriptions, d.printing.Statistics())
	}
	if tableErr := table.write(d.console); !daemon.IsClosedPipe(tableErr) {
		err = errors.Join(err, tableErr)
	}
	return err
}

// awaitPrinted waits for the printer to write what it has received, until ctx ends and a little longer. It returns false if the
// printer is not done then.
func (d *session) awaitPrinted(ctx context.Context) bool {
	if d.printing == nil || d.printing.Wait(ctx) {
		return true
	}
	grace, cancel := context.WithTimeout(context.Background(), printGrace)
	defer cancel()
	return d.printing.Wait(grace)
}

// flush takes half of the time at most: a server that does not answer must leave the receivers of this process some of it.
func (d *session) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.flags.ShutdownTimeout/2)
	defer cancel()
	if err := d.bus.Flush(ctx); err != nil {
		d.logger.Warn("some events may not have reached the server", "error", err)
	}
}

// shutdown shuts the bus down, and logs what has become of the events that were queued. That it took too long is no failure:
// discarded counts what was lost by it.
func (d *session) shutdown(ctx context.Context) (discarded uint64, err error) {
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

// stopHTTP ends metrics, health and the page, after the bus: so they show its end.
func (d *session) stopHTTP(ctx context.Context) {
	if err := d.http.Stop(ctx); err != nil {
		d.logger.Warn("somebody was still reading the metrics", "error", err)
	}
}

// warnUnprinted logs how many events the bus counts as delivered that the output did not take.
func (d *session) warnUnprinted() {
	if d.printing == nil {
		return
	}
	if n := d.printing.Unprinted(); n > 0 {
		d.logger.Warn("events were delivered to --print and not printed", "events", n)
	}
}

// outputError returns the error of a write to standard output as the cause of the end: a reader that went away has seen enough, and
// that is no failure.
func outputError(err error) error {
	if daemon.IsClosedPipe(err) {
		return stopRequest("nobody reads the output any more")
	}
	return err
}

// stopRequest is the cause of a context that ended because somebody wanted the program to end, which is no failure.
type stopRequest string

func (r stopRequest) Error() string { return string(r) }

// stopRequested returns why the program was asked to end, "" if it was not.
func stopRequested(ctx context.Context) string {
	cause := context.Cause(ctx)
	if signal, ok := errors.AsType[daemon.Signal](cause); ok {
		return signal.Error()
	}
	request, _ := errors.AsType[stopRequest](cause)
	return string(request)
}
