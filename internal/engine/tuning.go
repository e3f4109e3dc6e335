package engine

import "github.com/daemoneye/eventbus/bus"

// tuningOf returns the part of options that can be changed later.
func tuningOf(o *bus.Options) *bus.Tuning {
	return &bus.Tuning{QueueCapacity: o.QueueCapacity, Overflow: o.Overflow, CircuitBreak: o.CircuitBreak, PublishTimeout: o.PublishTimeout}
}

// Tune implements [bus.Tuner].
func (e *Engine) Tune(tuning bus.Tuning) error {
	options := bus.Options{
		QueueCapacity: tuning.QueueCapacity, Overflow: tuning.Overflow, CircuitBreak: tuning.CircuitBreak, PublishTimeout: tuning.PublishTimeout,
	}
	o, err := options.WithDefaults()
	if err != nil {
		return err
	}
	e.tuning.Store(tuningOf(&o))
	return nil
}
