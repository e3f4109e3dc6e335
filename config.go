package eventbus

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
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
	// Listen is the address of an additional listener, such as 127.0.0.1:4222; empty is none. One that is not loopback needs TLSCert.
	Listen string `toml:"listen"`
	// TLSCert and TLSKey are the files of the listener's certificate and key, or, with URL, those of this client. TLSCA has the
	// authorities of the other side: with them, the listener asks clients for a certificate, beside their credential.
	TLSCert string `toml:"tls_cert"`
	TLSKey  string `toml:"tls_key"`
	TLSCA   string `toml:"tls_ca"`
	// Role is what other processes of this user may be on the socket, see embed.Roles; empty is agent.
	Role string `toml:"role"`
	// Users are the roles of other users on the socket, each as uid=role, such as 1001=observer.
	Users []string `toml:"users"`
	// Shared says what happens if another process serves on the socket already: no (the default) is an error, attach is to be its
	// client, takeover is to be its client and to serve when it ends.
	Shared Sharing `toml:"shared"`
	// URL is an existing server or cluster to use instead of embedding one, several servers separated by commas; empty
	// embeds one.
	URL string `toml:"url"`
	// Credentials is the file of the client's nkey seed or .creds, with URL or Shared; empty is none with URL, and that of the role
	// trusted with Shared, which the process that serves has made if it has Shared too.
	Credentials string `toml:"credentials"`
	// CredentialsDir is where the embedded server keeps the nkeys of its clients; empty is a place of the user's own.
	CredentialsDir string `toml:"credentials_dir"`
	// Leaf is the table [event_bus.nats.leaf]: a hub that the embedded server joins.
	Leaf LeafConfig `toml:"leaf"`
	// MaxPayload bounds the wire size of an event, at most 64 MiB; 0 is DefaultMaxPayload.
	MaxPayload ByteSize `toml:"max_payload"`
}

// Sharing says what to do if another process serves on the socket.
type Sharing string

// The ways to share a host's bus.
const (
	SharedNo       Sharing = "no"
	SharedAttach   Sharing = "attach"
	SharedTakeover Sharing = "takeover"
)

// LeafConfig says how the embedded server joins a hub as a leaf node.
type LeafConfig struct {
	// Hub is the hub's leaf node listener, several separated by commas, such as tls://hub.example:7422; empty joins none.
	Hub string `toml:"hub"`
	// Credentials is the file of the nkey seed or .creds with which the hub knows this host; empty is what Hub says.
	Credentials string `toml:"credentials"`
	// TLSCA has the authorities that the hub's certificate may be of; empty are the system's.
	TLSCA string `toml:"tls_ca"`
	// Prefix and Host stand before the topics of this host at the hub: prefix.host.events.x. Empty are fleet and the host's name.
	Prefix string `toml:"prefix"`
	Host   string `toml:"host"`
	// Topics are patterns of what the hub may get; empty is events.# and control.health.#.
	Topics []string `toml:"topics"`
	// Accept are patterns of what the hub may publish here, on prefix.host.down.topic; empty is nothing.
	Accept []string `toml:"accept"`
}

// WithDefaults returns the configuration with every zero field but Logger replaced by its default. Where an empty
// string of NATS has a meaning, it stays.
func (c Config) WithDefaults() Config {
	c.BusType = cmp.Or(c.BusType, NATS)
	c.MaxSubscribers = cmp.Or(c.MaxSubscribers, DefaultMaxSubscribers)
	c.QueueCapacity = cmp.Or(c.QueueCapacity, DefaultQueueCapacity)
	c.Overflow = cmp.Or(c.Overflow, DefaultOverflow)
	c.CircuitBreak = c.CircuitBreak.WithDefaults()
	c.PublishTimeout = cmp.Or(c.PublishTimeout, DefaultPublishTimeout)
	c.NATS.MaxPayload = cmp.Or(c.NATS.MaxPayload, DefaultMaxPayload)
	c.NATS.Role = cmp.Or(c.NATS.Role, embed.Agent)
	c.NATS.Shared = cmp.Or(c.NATS.Shared, SharedNo)
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
	check(c.NATS.Listen == "" || isLoopback(c.NATS.Listen) || c.NATS.TLSCert != "" && isAddress(c.NATS.Listen), "nats.listen", quote(c.NATS.Listen),
		"must be a loopback address and a port, such as 127.0.0.1:4222, or an IP address and a port with tls_cert")
	check(c.NATS.TLSCert == "" || c.NATS.TLSKey != "", "nats.tls_cert", quote(c.NATS.TLSCert), "needs tls_key")
	check(c.NATS.TLSKey == "" || c.NATS.TLSCert != "", "nats.tls_key", quote(c.NATS.TLSKey), "needs tls_cert")
	roles := roleNames()
	check(slices.Contains(roles, c.NATS.Role), "nats.role", quote(c.NATS.Role), noSuchRole(roles))
	users := make(map[int]bool)
	for i, user := range c.NATS.Users {
		uid, role, err := parseUser(user)
		switch {
		case err != nil:
		case !slices.Contains(roles, role):
			err = errors.New(noSuchRole(roles))
		case users[uid]:
			err = errors.New("the user has a role already")
		}
		users[uid] = true
		check(err == nil, "nats.users", quote(user), fmt.Sprintf("element %d: %v", i+1, err))
	}
	check(slices.Contains([]Sharing{SharedNo, SharedAttach, SharedTakeover}, c.NATS.Shared), "nats.shared", quote(c.NATS.Shared), `must be "no", "attach" or "takeover"`)
	for _, err := range leaves(leafOptions(c.NATS.Leaf).Validate()) {
		if invalid, ok := errors.AsType[*embed.OptionError](err); ok {
			key := "nats." + strings.ToLower(invalid.Field)
			value := quote(invalid.Value)
			if key == "nats.leaf.hub" {
				value = "" // withheld
			}
			check(false, key, value, invalid.Reason)
		}
	}
	// Its value may hold a password or a token, in places that only a valid one tells.
	if c.NATS.URL != "" {
		_, err := natsurl.Servers(c.NATS.URL)
		check(err == nil, "nats.url", "", fmt.Sprint(err))
	}
	return errors.Join(problems...)
}

// roleNames returns the names of the roles that there are.
func roleNames() (names []string) {
	for _, role := range embed.Roles() {
		names = append(names, role.Name)
	}
	return names
}

func noSuchRole(roles []string) string {
	return "there is no such role, but there are " + strings.Join(roles, ", ")
}

// parseUser reads uid=role.
func parseUser(text string) (uid int, role string, err error) {
	number, role, ok := strings.Cut(text, "=")
	n, err := strconv.ParseUint(number, 10, 32)
	if !ok || err != nil || role == "" {
		return 0, "", errors.New("must be uid=role, such as 1001=observer")
	}
	return int(n), role, nil
}

// isAddress says whether an address is an IP address and a port.
func isAddress(address string) bool {
	_, err := netip.ParseAddrPort(address)
	return err == nil
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
