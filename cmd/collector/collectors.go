package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/internal/daemon"
)

// newCollectors returns the collectors that the configuration asks for, publishing to pub.
func newCollectors(pub collect.Publisher, c daemon.Collect, logger *slog.Logger) []collect.Collector {
	var collectors []collect.Collector
	if c.Processes {
		collectors = append(collectors, collect.NewProcesses(pub, &collect.ProcessOptions{
			Interval: c.ProcessInterval, NoHash: !c.ProcessHashes, Logger: logger,
		}))
	}
	if c.Connections {
		collectors = append(collectors, collect.NewConnections(pub, &collect.ConnectionOptions{
			Interval: c.ConnectionInterval, Traffic: c.ConnectionTraffic, Logger: logger,
		}))
	}
	if c.Files {
		collectors = append(collectors, collect.NewFiles(pub, filePaths(c), &collect.FileOptions{Recursive: c.FileRecursive, Logger: logger}))
	}
	if c.Performance {
		collectors = append(collectors, collect.NewPerformance(pub, &collect.PerformanceOptions{Interval: c.PerformanceInterval, Logger: logger}))
	}
	return collectors
}

// collectorNames is for messages.
func collectorNames(collectors []collect.Collector) string {
	names := make([]string, len(collectors))
	for i, c := range collectors {
		names[i] = c.Name()
	}
	return strings.Join(names, ", ")
}

// errNoCollectors is returned when every collector has failed.
var errNoCollectors = errors.New("no collector is left")

// failures are the collectors that have failed, as text. The zero value is ready, and its methods may be called from any goroutine.
type failures struct {
	mu   sync.Mutex // guards errs
	errs []error
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
}

func (f *failures) all() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.errs)
}

// reasons returns them as reasons why the program is degraded.
func (f *failures) reasons() (reasons []string) {
	for _, err := range f.all() {
		reasons = append(reasons, "a collector has failed: "+err.Error())
	}
	return reasons
}

// runCollectors runs the collectors until ctx ends. One that fails is logged and noted, and the others go on; if none is left, it returns
// errNoCollectors and their errors. No collector runs any more when it returns.
func runCollectors(ctx context.Context, collectors []collect.Collector, failed *failures, logger *slog.Logger) error {
	var running sync.WaitGroup
	for _, c := range collectors {
		running.Go(func() {
			err := c.Run(ctx)
			if err == nil {
				return
			}
			logger.Error("a collector has failed", "collector", c.Name(), "error", err)
			failed.add(fmt.Errorf("%s: %w", c.Name(), err))
		})
	}
	running.Wait()
	errs := failed.all()
	if len(errs) < len(collectors) {
		return nil
	}
	return fmt.Errorf("%w: %w", errNoCollectors, errors.Join(errs...))
}
