// Package localbus is the event bus of one process: no server, no encoding, no goroutine of its own.
//
// # Use
//
//	b, err := localbus.New(nil)
//
// Everything else is said at [bus.Bus]: order, overflow, errors, concurrency. natsbus keeps the same promises, and a program
// chooses between them with one line of configuration (eventbus.Open).
package localbus

import (
	"context"
	"iter"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

// Bus is a [bus.Bus] without an outside. Make one with [New].
type Bus struct {
	engine *engine.Engine
}

var (
	_ bus.Bus          = (*Bus)(nil)
	_ bus.TopicCounter = (*Bus)(nil)
	_ bus.Requester    = (*Bus)(nil)
	_ bus.Tuner        = (*Bus)(nil)
)

// New returns a bus. Nil options are the defaults. It returns a [*bus.InvalidError] for an option out of range.
func New(options *bus.Options) (*Bus, error) {
	e, err := engine.New(options, nil)
	if err != nil {
		return nil, err
	}
	return &Bus{engine: e}, nil
}

// Publish implements [bus.Bus].
func (b *Bus) Publish(ctx context.Context, event bus.Event) error {
	return b.engine.Publish(ctx, &event)
}

// Subscribe implements [bus.Bus].
func (b *Bus) Subscribe(ctx context.Context, subscription bus.Subscription) (bus.Receiver, error) {
	s, err := b.engine.Subscribe(ctx, subscription)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Unsubscribe implements [bus.Bus].
func (b *Bus) Unsubscribe(_ context.Context, subscriberID string) error {
	b.engine.Unsubscribe(subscriberID)
	return nil
}

// Statistics implements [bus.Bus].
func (b *Bus) Statistics() bus.Statistics {
	statistics := b.engine.Statistics()
	statistics.Connected = !statistics.Closed
	return statistics
}

// PublishedByTopic implements [bus.TopicCounter].
func (b *Bus) PublishedByTopic() iter.Seq2[string, uint64] { return b.engine.PublishedByTopic() }

// Request implements [bus.Requester].
func (b *Bus) Request(ctx context.Context, topic string, data []byte) iter.Seq2[[]byte, error] {
	return b.engine.Request(ctx, topic, data, nil)
}

// Respond implements [bus.Requester].
func (b *Bus) Respond(ctx context.Context, topic string, handler bus.RequestHandler) (stop func(), err error) {
	return b.engine.Respond(ctx, topic, handler)
}

// Tune implements [bus.Tuner].
func (b *Bus) Tune(tuning bus.Tuning) error { return b.engine.Tune(tuning) }

// Flush implements [bus.Bus]: Publish has queued everything by the time it returns, so there is nothing to wait for.
func (b *Bus) Flush(ctx context.Context) error {
	if b.engine.Stopped() {
		return bus.ErrClosed
	}
	return ctx.Err()
}

// Shutdown implements [bus.Bus].
func (b *Bus) Shutdown(ctx context.Context) error { return b.engine.Shutdown(ctx, nil) }
