package main

import (
	"context"
	"errors"
	"maps"
	"os"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/daemon"
)

// serveControl answers control requests. reload reads the configuration again from then on.
func (d *session) serveControl(ctx context.Context) error {
	live := daemon.NewLive(d.settings, daemon.LiveOptions[settings]{
		Tables: (*settings).tables,
		Load:   func() (settings, []eventbus.Warning, error) { return loadSettings(d.flags) },
		Explain: func() ([]eventbus.Value, error) {
			s := defaultSettings()
			_, sections := s.tables()
			values, _, err := eventbus.Explain(d.flags.Config, os.Environ(), sections...)
			return values, err
		},
		Live:   d.liveKeys(),
		Logger: d.logger,
	})
	options := d.settings.Health.Options("collector", d.settings.Bus, d.logger)
	options.Settings, options.Publisher = live, d.counter
	options.Reasons, options.Collectors = d.failures.reasons, d.collectorStatistics
	service, err := control.Serve(ctx, d.bus, options)
	if err != nil {
		return err
	}
	d.control.Store(service)
	d.reload = live.Reload
	return nil
}

// liveKeys has what puts a key's value in force while the program runs. The keys of a collector that is off need a restart.
func (d *session) liveKeys() map[string]func(*settings) error {
	live := daemon.LiveBus(d.bus, func(s *settings) eventbus.Config { return s.Bus })
	maps.Copy(live, map[string]func(*settings) error{
		"log.level": func(s *settings) error { d.level.Set(s.Log.Level); return nil },
		"health.heartbeat": func(s *settings) error {
			service := d.control.Load()
			if service == nil {
				return errors.New("the program is still starting")
			}
			return service.SetHeartbeat(s.Health.Heartbeat)
		},
	})
	for _, c := range d.collectors {
		switch c := c.(type) {
		case *collect.Processes:
			live["collect.process_interval"] = func(s *settings) error { c.SetInterval(s.Collect.ProcessInterval); return nil }
		case *collect.Connections:
			live["collect.connection_interval"] = func(s *settings) error { c.SetInterval(s.Collect.ConnectionInterval); return nil }
			live["collect.connection_traffic"] = func(s *settings) error { c.SetTraffic(s.Collect.ConnectionTraffic); return nil }
		case *collect.Performance:
			live["collect.performance_interval"] = func(s *settings) error { c.SetInterval(s.Collect.PerformanceInterval); return nil }
		case *collect.Files:
			watch := func(s *settings) error { c.SetPaths(filePaths(s.Collect), s.Collect.FileRecursive); return nil }
			live["collect.file_paths"], live["collect.file_recursive"] = watch, watch
		}
	}
	return live
}

// collectorStatistics returns what the collectors count.
func (d *session) collectorStatistics() (all []control.CollectorStatistics) {
	for _, c := range d.collectors {
		statistics := c.Statistics()
		one := control.CollectorStatistics{
			Name: c.Name(), Scans: statistics.Scans, LastScan: statistics.LastScan, Events: statistics.Events, Failed: statistics.Failed,
		}
		if paced, ok := c.(collect.Paced); ok {
			one.Interval = paced.Interval()
		}
		all = append(all, one)
	}
	return all
}
