// Command customcollector is a collector of one's own: it reports at an interval how many files wait in a directory, and how many bytes
// they have. A spool that grows is a daemon that hangs.
//
//	go run ./examples/customcollector -dir /var/spool/mail
//	EVENTBUS_NATS__SHARED=attach go run ./examples/customcollector   # on the bus of a collector that runs and shares it
//	eventbus watch --source performance-spool                        # in another terminal
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
)

// Spool counts the files of a directory.
type Spool struct {
	publisher collect.Publisher // a bus, or whatever stands in front of one
	dir       string
	interval  time.Duration
	logger    *slog.Logger

	scans, events, failed atomic.Uint64
	lastScan              atomic.Int64
}

var _ collect.Collector = (*Spool)(nil)

// Name implements [collect.Collector]. It is the source of the events: a name of the domain, a dash and more, so that the role of the
// domain, performance, may use it.
func (*Spool) Name() string { return "performance-spool" }

// Statistics implements [collect.Collector].
func (s *Spool) Statistics() collect.Statistics {
	return collect.Statistics{
		Scans: s.scans.Load(), Events: s.events.Load(), Failed: s.failed.Load(), LastScan: time.Duration(s.lastScan.Load()),
	}
}

// Run implements [collect.Collector]: a scan that cannot even begin is an error, and a later one that fails is logged and tried again.
func (s *Spool) Run(ctx context.Context) error {
	ticker := time.NewTicker(s.interval)
	defer ticker.Stop()
	for first := true; ; first = false {
		switch err := s.scan(ctx); {
		case ctx.Err() != nil, errors.Is(err, bus.ErrClosed):
			return nil // the end was asked for
		case err != nil && first:
			return fmt.Errorf("%s: %w", s.Name(), err)
		case err != nil:
			s.logger.WarnContext(ctx, "a scan failed and is tried again", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// scan looks once, and publishes two values.
func (s *Spool) scan(ctx context.Context) error {
	begin := time.Now()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var files, bytes float64
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() { // otherwise it has gone since
			files, bytes = files+1, bytes+float64(info.Size())
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s.scans.Add(1)
	s.lastScan.Store(int64(time.Since(begin)))
	if err := s.publish(ctx, "spool_files", files, "files", begin); err != nil {
		return err
	}
	return s.publish(ctx, "spool_bytes", bytes, "bytes", begin)
}

// publish publishes a value. Only what ends the collector is an error: an event that the bus refuses is counted, and others go on.
func (s *Spool) publish(ctx context.Context, metric string, value float64, unit string, at time.Time) error {
	err := s.publisher.Publish(ctx, bus.Event{Source: s.Name(), Payload: &bus.PerformanceEvent{
		MetricName: metric, Value: value, Unit: unit, Component: s.dir, Timestamp: at,
	}})
	switch {
	case err == nil:
		s.events.Add(1)
	case errors.Is(err, bus.ErrClosed), ctx.Err() != nil:
		return err
	default:
		s.failed.Add(1)
		s.logger.WarnContext(ctx, "the bus refused an event", "metric", metric, "error", err)
	}
	return nil
}

func main() {
	dir := flag.String("dir", os.TempDir(), "the `directory` to look at")
	interval := flag.Duration("interval", time.Second, "time between two looks")
	duration := flag.Duration("duration", 5*time.Second, "end after that time")
	flag.Parse()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := run(*duration, &Spool{dir: *dir, interval: *interval, logger: logger}); err != nil {
		logger.Error("customcollector", "error", err)
		os.Exit(1)
	}
}

func run(duration time.Duration, spool *Spool) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	config, _, err := eventbus.Load("")
	if err != nil {
		return err
	}
	config.Logger = spool.logger
	b, err := eventbus.Open(ctx, config)
	if err != nil {
		return err
	}
	spool.publisher = b
	err = spool.Run(ctx)
	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = errors.Join(err, b.Flush(ending), b.Shutdown(ending)) // the last events reach the server
	s := spool.Statistics()
	fmt.Printf("scans=%d events=%d failed=%d\n", s.Scans, s.Events, s.Failed)
	return err
}
