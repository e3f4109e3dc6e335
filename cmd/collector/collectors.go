package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// runCollectors runs the collectors until ctx ends. One that fails is logged, and the others go on; if none is left, it returns
// errNoCollectors and their errors. No collector runs any more when it returns.
func runCollectors(ctx context.Context, collectors []collect.Collector, logger *slog.Logger) error {
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		errs    []error // guarded by mu
	)
	for _, c := range collectors {
		running.Go(func() {
			err := c.Run(ctx)
			if err == nil {
				return
			}
			logger.Error("a collector has failed", "collector", c.Name(), "error", err)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, fmt.Errorf("%s: %w", c.Name(), err))
		})
	}
	running.Wait()
	if len(errs) < len(collectors) {
		return nil
	}
	return fmt.Errorf("%w: %w", errNoCollectors, errors.Join(errs...))
}
