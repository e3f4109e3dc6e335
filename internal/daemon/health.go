package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
)

// Health is the table [health] of a configuration: how others learn that the program is there, and ask how it is.
type Health struct {
	ID        string        `toml:"id"`        // on control topics; empty is the program and the host
	Heartbeat time.Duration `toml:"heartbeat"` // 0 is none
}

// DefaultHealth returns the defaults.
func DefaultHealth() Health { return Health{Heartbeat: 10 * time.Second} }

// Validate is called by [eventbus.Load].
func (h *Health) Validate() error {
	var problems []error
	if h.ID != "" {
		problems = append(problems, configError("health.id", control.CheckID(h.ID)))
	}
	return errors.Join(append(problems, configError("health.heartbeat", control.CheckHeartbeat(h.Heartbeat)))...)
}

func configError(key string, err error) error {
	invalid, ok := errors.AsType[*bus.InvalidError](err)
	if !ok {
		return nil
	}
	return &eventbus.ConfigError{Key: key, Value: fmt.Sprintf("%q", invalid.Value), Reason: invalid.Reason}
}

// Options returns the options of a program's [control.Service].
func (h *Health) Options(program string, config eventbus.Config, logger *slog.Logger) control.Options {
	const least = 4 << 10 // of what a service accepts; smaller events than that are nobody's choice
	return control.Options{
		ID: cmp.Or(h.ID, control.DefaultID(program)), Program: program, Version: moduleVersion(), Heartbeat: h.Heartbeat, Logger: logger,
		// What remains is for what a message has beside its data.
		MaxAnswer: max(min(control.DefaultMaxAnswer, int(config.NATS.MaxPayload)/4*3), least),
	}
}

// moduleVersion returns the version that the go command has put into the program.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

// LiveBus has what puts the keys of [event_bus] in force that a bus can change while it runs. config returns the table in settings.
func LiveBus[S any](b bus.Bus, config func(*S) eventbus.Config) map[string]func(*S) error {
	live := make(map[string]func(*S) error)
	tuner, ok := bus.As[bus.Tuner](b)
	if !ok {
		return live
	}
	tune := func(settings *S) error {
		c := config(settings)
		return tuner.Tune(bus.Tuning{QueueCapacity: c.QueueCapacity, Overflow: c.Overflow, CircuitBreak: c.CircuitBreak, PublishTimeout: c.PublishTimeout})
	}
	for _, key := range []string{
		"queue_capacity", "overflow", "publish_timeout", "circuit_break.overflows", "circuit_break.window", "circuit_break.cool_down",
	} {
		live["event_bus."+key] = tune
	}
	return live
}
