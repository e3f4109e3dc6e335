package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/daemon"
)

// serveSettings are the whole configuration of serve.
type serveSettings struct {
	Bus    eventbus.Config
	Log    daemon.Log
	HTTP   daemon.HTTP
	Health daemon.Health
}

func defaultServeSettings() serveSettings {
	return serveSettings{Log: daemon.DefaultLog(), HTTP: daemon.DefaultHTTP(), Health: daemon.DefaultHealth()}
}

// tables returns the tables of the file that the settings are.
func (s *serveSettings) tables() (*eventbus.Config, []eventbus.Section) {
	return &s.Bus, []eventbus.Section{{Name: "log", Into: &s.Log}, {Name: "http", Into: &s.HTTP}, {Name: "health", Into: &s.Health}}
}

// load reads the file and the environment, and puts the flags on top.
func (c *serveCommand) load() (serveSettings, []eventbus.Warning, error) {
	settings := defaultServeSettings()
	_, sections := settings.tables()
	config, warnings, err := c.Load(sections...)
	if err != nil {
		// A joined error has a line for each problem.
		return settings, nil, errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	settings.Bus = config
	return settings, warnings, errors.Join(c.OverrideLog(&settings.Log), c.configure(&settings.Bus), c.OverrideHTTP(&settings.HTTP))
}

// serveControl answers control requests until the service is stopped, and returns what reads the configuration again. ctx bounds the start.
func (c *serveCommand) serveControl(ctx context.Context, b bus.Bus, settings serveSettings, level *slog.LevelVar) (running *control.Service, reload func(), err error) {
	var service atomic.Pointer[control.Service]
	live := daemon.LiveBus(b, func(s *serveSettings) eventbus.Config { return s.Bus })
	live["log.level"] = func(s *serveSettings) error { level.Set(s.Log.Level); return nil }
	live["health.heartbeat"] = func(s *serveSettings) error {
		if running := service.Load(); running != nil {
			return running.SetHeartbeat(s.Health.Heartbeat)
		}
		return errors.New("the program is still starting")
	}
	logger := settings.Bus.Logger
	configuration := daemon.NewLive(settings, daemon.LiveOptions[serveSettings]{
		Tables: (*serveSettings).tables,
		Load:   c.load,
		Explain: func() ([]eventbus.Value, error) {
			s := defaultServeSettings()
			_, sections := s.tables()
			values, _, err := eventbus.Explain(c.Config, os.Environ(), sections...)
			return values, err
		},
		Live: live, Logger: logger,
	})
	options := settings.Health.Options("eventbus", settings.Bus, logger)
	options.Settings = configuration
	started, err := control.Serve(ctx, b, options)
	if err != nil {
		return nil, nil, err
	}
	service.Store(started)
	return started, configuration.Reload, nil
}
