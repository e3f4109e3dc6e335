package observe

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/daemoneye/eventbus/internal/health"
)

// Options are the settings of [Handler], [Start] and [Serve]. The zero value is valid.
type Options struct {
	// Listen is the loopback address on which Start and Serve listen, such as 127.0.0.1:9464, [::1]:9464 or localhost:9464. Port 0
	// takes a free one. Empty is 127.0.0.1:0.
	Listen string
	// Profiles adds /debug/pprof/.
	Profiles bool
	// QueueFull is how long a subscriber may keep its queue full before the process counts as not ready; 0 is 30 seconds.
	QueueFull time.Duration
	// Logger gets where the server listens, and what goes wrong with a request; nil discards it.
	Logger *slog.Logger
}

const defaultListen = "127.0.0.1:0"

// OptionError is returned by [Options.Validate], [Start] and [Serve] for an option that they cannot accept.
type OptionError struct {
	Field  string // name of the field of Options
	Value  string // the offending value as text
	Reason string // the rule that it breaks
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("observe: invalid %s %s: %s", e.Field, strconv.Quote(e.Value), e.Reason)
}

// Validate returns an [*OptionError] for a value out of range, or nil.
func (o *Options) Validate() error {
	_, err := o.withDefaults()
	return err
}

// withDefaults returns the options with every zero field replaced by its default, and localhost by the address that it stands for. o
// may be nil.
func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Listen == "" {
		out.Listen = defaultListen
	}
	if out.QueueFull == 0 {
		out.QueueFull = health.DefaultQueueFull
	}
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	if out.QueueFull < 0 {
		return out, &OptionError{Field: "QueueFull", Value: out.QueueFull.String(), Reason: "must be positive"}
	}
	address, reason := loopback(out.Listen)
	if reason != "" {
		return out, &OptionError{Field: "Listen", Value: out.Listen, Reason: reason}
	}
	out.Listen = address
	return out, nil
}

// loopback returns an address that only this host can reach, or why it is none. Names other than localhost are not looked up, because
// what they mean can change.
func loopback(listen string) (address, reason string) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", "must be host:port"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", "the port must be a number from 0 to 65535"
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if !isLoopback(host) {
		return "", "must be a loopback address and a port, such as 127.0.0.1:9464"
	}
	return net.JoinHostPort(host, port), ""
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
