package eventbus

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/natsurl"
)

// BusType names an implementation of the bus.
type BusType string

// The bus types.
const (
	NATS  BusType = "nats"  // an embedded NATS server, or an existing one
	Local BusType = "local" // channels within this process
)

// Defaults and bounds of [Config].
const (
	DefaultMaxSubscribers          = bus.DefaultMaxSubscribers
	DefaultQueueCapacity           = bus.DefaultQueueCapacity // events
	DefaultOverflow                = bus.Block
	DefaultPublishTimeout          = bus.DefaultPublishTimeout
	DefaultMaxPayload     ByteSize = bus.DefaultMaxEventSize

	maxPayload ByteSize = bus.MaxEventSizeLimit
)

// Config is the configuration of a bus: the table [event_bus] of a file. A zero field stands for its default, so the zero
// Config is a bus with an embedded server. A Config is a plain value; it is safe to copy.
type Config struct {
	// BusType chooses the implementation; empty is NATS.
	BusType BusType `toml:"bus_type"`
	// MaxSubscribers is the number of subscriptions that may be live at once, at most bus.MaxSubscribersLimit; 0 is
	// DefaultMaxSubscribers.
	MaxSubscribers int `toml:"max_subscribers"`
	// QueueCapacity is the queue length, in events, of subscriptions that do not choose one, at most bus.MaxQueueCapacity; 0 is
	// DefaultQueueCapacity.
	QueueCapacity int `toml:"queue_capacity"`
	// Overflow is the policy of subscriptions that do not choose one: block, drop-newest, drop-oldest or circuit-break; the
	// zero value is DefaultOverflow.
	Overflow bus.OverflowPolicy `toml:"overflow"`
	// CircuitBreak is the table [event_bus.circuit_break]: when the circuit of a subscription with the policy circuit-break
	// opens and closes, unless the subscription says otherwise. A zero field stands for bus.DefaultCircuitOverflows,
	// bus.DefaultCircuitWindow or bus.DefaultCircuitCoolDown.
	CircuitBreak bus.CircuitBreak `toml:"circuit_break"`
	// PublishTimeout bounds a blocked Publish whose context has no deadline; 0 is DefaultPublishTimeout.
	PublishTimeout time.Duration `toml:"publish_timeout"`
	// NATS is the table [event_bus.nats]. Of it, only MaxPayload concerns a local bus.
	NATS NATSConfig `toml:"nats"`
	// Logger gets what an operator should know; nil discards it. It does not come from a file.
	Logger *slog.Logger
}

// NATSConfig is the part of a [Config] that a server needs.
type NATSConfig struct {
	// SocketPath is the unix socket of the embedded server; empty is a place of the user's own.
	SocketPath string `toml:"socket_path"`
	// Listen is the address of an additional loopback listener, such as 127.0.0.1:4222; empty is none.
	Listen string `toml:"listen"`
	// URL is an existing server or cluster to use instead of embedding one, several servers separated by commas; empty
	// embeds one.
	URL string `toml:"url"`
	// MaxPayload bounds the wire size of an event, at most 64 MiB; 0 is DefaultMaxPayload.
	MaxPayload ByteSize `toml:"max_payload"`
}

// WithDefaults returns the configuration with every zero field but Logger replaced by its default. The strings of NATS have
// none: empty is a meaning there.
func (c Config) WithDefaults() Config {
	c.BusType = cmp.Or(c.BusType, NATS)
	c.MaxSubscribers = cmp.Or(c.MaxSubscribers, DefaultMaxSubscribers)
	c.QueueCapacity = cmp.Or(c.QueueCapacity, DefaultQueueCapacity)
	c.Overflow = cmp.Or(c.Overflow, DefaultOverflow)
	c.CircuitBreak = c.CircuitBreak.WithDefaults()
	c.PublishTimeout = cmp.Or(c.PublishTimeout, DefaultPublishTimeout)
	c.NATS.MaxPayload = cmp.Or(c.NATS.MaxPayload, DefaultMaxPayload)
	return c
}

// Validate returns a [*ConfigError] for each value out of range, joined, or nil. A zero field is valid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var problems []error
	check := func(ok bool, key, value, reason string) {
		if !ok {
			problems = append(problems, &ConfigError{Key: "event_bus." + key, Value: value, Reason: reason})
		}
	}
	// Package bus has the rules of its own types; its fields are named like the keys.
	told := func(err error) {
		if invalid, ok := errors.AsType[*bus.InvalidError](err); ok {
			check(false, invalid.Field, invalid.Value, invalid.Reason)
		}
	}
	check(c.BusType == NATS || c.BusType == Local, "bus_type", quote(c.BusType), `must be "nats" or "local"`)
	check(1 <= c.MaxSubscribers && c.MaxSubscribers <= bus.MaxSubscribersLimit, "max_subscribers", strconv.Itoa(c.MaxSubscribers),
		fmt.Sprintf("must be 1 to %d", bus.MaxSubscribersLimit))
	check(1 <= c.QueueCapacity && c.QueueCapacity <= bus.MaxQueueCapacity, "queue_capacity", strconv.Itoa(c.QueueCapacity),
		fmt.Sprintf("must be 1 to %d", bus.MaxQueueCapacity))
	told(c.Overflow.Validate())
	// One by one, since Validate stops at the first problem.
	told(bus.CircuitBreak{Overflows: c.CircuitBreak.Overflows}.Validate())
	told(bus.CircuitBreak{Window: c.CircuitBreak.Window}.Validate())
	told(bus.CircuitBreak{CoolDown: c.CircuitBreak.CoolDown}.Validate())
	check(c.PublishTimeout > 0, "publish_timeout", c.PublishTimeout.String(), "must be positive")
	check(1 <= c.NATS.MaxPayload && c.NATS.MaxPayload <= maxPayload, "nats.max_payload", c.NATS.MaxPayload.String(),
		fmt.Sprintf("must be 1 to %v", maxPayload))
	check(c.NATS.Listen == "" || isLoopback(c.NATS.Listen), "nats.listen", quote(c.NATS.Listen),
		"must be a loopback address and a port, such as 127.0.0.1:4222, because connections are not encrypted")
	// Its value may hold a password or a token, in places that only a valid one tells.
	if c.NATS.URL != "" {
		_, err := natsurl.Servers(c.NATS.URL)
		check(err == nil, "nats.url", "", fmt.Sprint(err))
	}
	return errors.Join(problems...)
}

// isLoopback says whether an address is one that only this host can reach. Names other than localhost are not looked up:
// what they mean is somebody else's decision.
func isLoopback(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
