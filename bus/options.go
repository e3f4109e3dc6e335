package bus

import (
	"fmt"
	"log/slog"
	"time"
)

// Defaults and bounds of [Options].
const (
	DefaultMaxSubscribers = 1000
	DefaultQueueCapacity  = 1024
	DefaultPublishTimeout = 5 * time.Second
	DefaultMaxEventSize   = 256 << 10 // bytes

	// MaxSubscribersLimit bounds Options.MaxSubscribers.
	MaxSubscribersLimit = 1 << 20
	// MaxQueueCapacity bounds the queue of a subscription: 8 MiB of pointers.
	MaxQueueCapacity = 1 << 20
	// MaxEventSizeLimit is the largest MaxEventSize: nats-server refuses a larger max_payload.
	MaxEventSizeLimit = 64 << 20
)

// Options are the settings that every bus has. The zero value is valid.
type Options struct {
	// MaxSubscribers is the number of subscriptions that may be live at once; 0 is DefaultMaxSubscribers.
	MaxSubscribers int
	// QueueCapacity is the queue length of subscriptions that do not choose one; 0 is DefaultQueueCapacity.
	QueueCapacity int
	// Overflow is the policy of subscriptions that do not choose one; the zero value is Block.
	Overflow OverflowPolicy
	// CircuitBreak sets the thresholds of subscriptions with the circuit-break policy that do not choose their own; zero
	// fields are the defaults.
	CircuitBreak CircuitBreak
	// PublishTimeout bounds a Publish that blocks and whose context has no deadline; 0 is DefaultPublishTimeout.
	PublishTimeout time.Duration
	// MaxEventSize bounds an event's wire size in bytes, as Event.Msgsize estimates it, on every bus alike; 0 is
	// DefaultMaxEventSize.
	MaxEventSize int
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// WithDefaults returns the options with every zero field replaced by its default. o may be nil. It returns an
// [*InvalidError] for a value out of range.
func (o *Options) WithDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	ints := [...]struct {
		field      string
		value      *int
		def, limit int
	}{
		{"max_subscribers", &out.MaxSubscribers, DefaultMaxSubscribers, MaxSubscribersLimit},
		{"queue_capacity", &out.QueueCapacity, DefaultQueueCapacity, MaxQueueCapacity},
		{"max_event_size", &out.MaxEventSize, DefaultMaxEventSize, MaxEventSizeLimit},
	}
	for _, i := range ints {
		if *i.value == 0 {
			*i.value = i.def
		}
		if *i.value < 1 || *i.value > i.limit {
			return out, &InvalidError{Field: i.field, Value: fmt.Sprint(*i.value), Reason: fmt.Sprintf("must be 1 to %d", i.limit)}
		}
	}
	if out.PublishTimeout == 0 {
		out.PublishTimeout = DefaultPublishTimeout
	}
	if out.PublishTimeout < 0 {
		return out, &InvalidError{Field: "publish_timeout", Value: out.PublishTimeout.String(), Reason: "must be positive"}
	}
	if out.Overflow == OverflowDefault {
		out.Overflow = Block
	}
	if err := out.Overflow.Validate(); err != nil {
		return out, err
	}
	if err := out.CircuitBreak.Validate(); err != nil {
		return out, err
	}
	out.CircuitBreak = out.CircuitBreak.WithDefaults()
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	return out, nil
}
