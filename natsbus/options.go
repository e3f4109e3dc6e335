package natsbus

import (
	"net"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// Options are the settings of a bus over NATS. The zero value is valid.
type Options struct {
	// Bus holds the settings that every bus has.
	Bus bus.Options
	// Name is the name of the connection on the server; empty is "eventbus".
	Name string
	// Credentials is a file with the seed of an nkey, such as an embedded server makes for each role, or with the JWT and the seed of a
	// user if its name ends in .creds. It is read again for each connection. Empty is none: then Attach
	// has the role of its user, and Connect what the URL says.
	Credentials string
	// ServerUser is the uid that the server behind a socket may have beside this user's own and root's; 0 is no other. It is for
	// Attach: whoever else might have put a server there gets nothing.
	ServerUser int
	// TLS is for Connect.
	TLS TLS
	// ConnectTimeout bounds each attempt to connect, also when a lost connection is sought; 0 is two seconds. Where a server
	// accepts connections and then says nothing, a Publish may have to wait for such an attempt.
	ConnectTimeout time.Duration
	// PingInterval is how often the server is asked whether it is still there; after two pings without an answer the
	// connection is given up and made again. 0 is ten seconds.
	PingInterval time.Duration
}

const (
	defaultName           = "eventbus"
	defaultConnectTimeout = 2 * time.Second

	// reconnectBuffer is how much is kept for the server while it is away, in bytes. It is the default of nats.go, made
	// explicit because Publish fails beyond it.
	reconnectBuffer = 8 << 20
	// flushTimeout bounds how long a publish can wait for the operating system to take its bytes. The default of
	// nats.go is a minute, during which the connection's lock is held.
	flushTimeout = 2 * time.Second
	// defaultPingInterval is less than the two minutes of nats.go: a server that is gone without a word, such as behind a
	// firewall that has forgotten the connection, must show within half a minute.
	defaultPingInterval = 10 * time.Second
	// inboundMessages bounds the messages that wait to be decoded. With single events of 500 bytes this is 4 MiB, with full
	// batches 128 MiB.
	inboundMessages = 8192

	// complaintInterval is how often malformed messages are logged at most.
	complaintInterval = 10 * time.Second

	minReconnectDelay = 50 * time.Millisecond
	maxReconnectDelay = 2 * time.Second
)

// notNegative returns a [*bus.InvalidError] for a negative duration. To nats.go some of them mean never.
func notNegative(field string, d time.Duration) error {
	if d >= 0 {
		return nil
	}
	return &bus.InvalidError{Field: field, Value: d.String(), Reason: "must be positive, or 0 for the default"}
}

// Server is a NATS server in this process: *embed.Server, seen from here so that this package links no server.
//
// The connection that authenticates with Secret is alone in an account. What it publishes reaches the server's clients on the
// same subject; what they publish reaches it and nobody else, on InboundPrefix, their role, and what package link says. So Interest
// counts everybody else and not this bus, which NATS could not tell apart in one account.
type Server interface {
	// InProcessConn returns a new connection to the server. It is called again for each reconnect.
	InProcessConn() (net.Conn, error)
	// Secret returns the token of the bus's own connection.
	Secret() string
	// InboundPrefix returns the prefix, without a dot at its end, of the subjects on which the clients' messages arrive.
	InboundPrefix() string
	// Speaks reports whether a client of that role may publish under that source.
	Speaks(role, source string) bool
	// Publishes reports whether a client of that role may publish events on that topic, and Requests whether it may ask there.
	Publishes(role, topic string) bool
	Requests(role, topic string) bool
	// Interest returns more than zero if a client may want messages of that subject.
	Interest(subject string) int
	// Alone reports whether nobody but this process is connected, at next to no cost. Then nobody has any interest.
	Alone() bool
}
