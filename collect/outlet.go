package collect

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// outlet is a collector's way to the bus and to the log. Its methods may be called from any goroutine.
type outlet struct {
	publisher Publisher
	name      string
	logger    *slog.Logger
	counters  counters
	refused   occasionally
	slow      occasionally
	failing   occasionally
}

func newOutlet(publisher Publisher, name string, logger *slog.Logger) *outlet {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &outlet{publisher: publisher, name: name, logger: logger.With("collector", name)}
}

// publish publishes a payload on a topic. It returns an error only if the collector has to end: ctx's, or bus.ErrClosed.
func (o *outlet) publish(ctx context.Context, topic string, payload bus.Payload) error {
	err := o.publisher.Publish(ctx, bus.Event{Topic: topic, Source: o.name, Payload: payload})
	switch {
	case err == nil:
		o.counters.events.Add(1)
		return nil
	case errors.Is(err, bus.ErrClosed):
		return bus.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	o.counters.failed.Add(1)
	if suppressed, ok := o.refused.now(); ok {
		o.logger.WarnContext(ctx, "the bus returned an error for an event", "topic", topic, "error", err, "suppressed", suppressed)
	}
	return nil
}

// logInterval is how often the same kind of trouble is logged at most.
const logInterval = 10 * time.Second

// occasionally limits how often something is logged. The zero value is ready.
type occasionally struct {
	mu         sync.Mutex
	last       time.Time // guarded by mu
	suppressed uint64    // guarded by mu
}

// now reports whether to log now, and how often it said no since the last time.
func (o *occasionally) now() (suppressed uint64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); o.last.IsZero() || now.Sub(o.last) >= logInterval {
		suppressed, o.suppressed, o.last = o.suppressed, 0, now
		return suppressed, true
	}
	o.suppressed++
	return 0, false
}
