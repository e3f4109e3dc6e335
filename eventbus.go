// Package eventbus opens the event bus of an endpoint-monitoring collector from its configuration.
//
// # Use
//
//	config, warnings, err := eventbus.Load("collector.toml")
//	…
//	b, err := eventbus.Open(ctx, config)
//
// The zero [Config] is valid: a bus with an embedded NATS server on a unix socket, to which other processes of the same user can
// attach. With bus_type = "local" the same program runs without a server. Package bus defines what a bus promises; whatever a
// caller can observe through it is the same on both.
//
// # Choosing the bus
//
//   - bus_type = "nats" (the default) embeds a server, package embed, in this process; with nats.url it uses an existing
//     server or cluster instead.
//   - bus_type = "local" connects the goroutines of this process and nobody else.
//
// # Concurrency and errors
//
// The functions may be called from any goroutine. Errors of the configuration name the key, the value and where it came
// from.
package eventbus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/natsbus"
)

// Endpoints say where other processes can attach.
type Endpoints struct {
	// Socket is the path of the unix socket.
	Socket string
	// TokenFile holds the token that processes of this user present, readable for this user alone.
	TokenFile string
	// Credentials is the directory of the clients' nkeys, one for each role.
	Credentials string
	// URL is the address of the listener, without any credential; empty if there is none.
	URL string
	// Attached says that it is another process that serves there.
	Attached bool
}

// Listener is implemented by a bus that other processes can attach to: the one that Open returns with an embedded server, its own or
// one that it shares.
type Listener interface {
	Endpoints() Endpoints
}

// Open returns the bus that the configuration asks for. ctx bounds the opening, not the bus.
//
// It returns a [*ConfigError] for a bad value, an [*embed.InUseError] if another process serves on the socket, and
// ctx's error if ctx ends first; nothing is left behind then.
func Open(ctx context.Context, config Config) (bus.Bus, error) {
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	options := bus.Options{
		MaxSubscribers: config.MaxSubscribers, QueueCapacity: config.QueueCapacity, Overflow: config.Overflow,
		CircuitBreak: config.CircuitBreak, PublishTimeout: config.PublishTimeout, MaxEventSize: int(config.NATS.MaxPayload), Logger: config.Logger,
	}
	if config.BusType == Local {
		b, err := localbus.New(&options)
		if err != nil {
			return nil, fmt.Errorf("eventbus: open the local bus: %w", err)
		}
		return b, nil
	}
	if config.NATS.URL != "" {
		b, err := natsbus.Connect(ctx, config.NATS.URL, &natsbus.Options{
			Bus: options, Credentials: config.NATS.Credentials,
			TLS: natsbus.TLS{CAFile: config.NATS.TLSCA, CertFile: config.NATS.TLSCert, KeyFile: config.NATS.TLSKey},
		})
		if err != nil {
			return nil, fmt.Errorf("eventbus: open the bus: %w", err)
		}
		return b, nil
	}
	if config.NATS.Shared != SharedNo {
		return openShared(ctx, config, options)
	}
	return openEmbedded(ctx, config, options)
}

// serverOptions returns what the embedded server needs.
func serverOptions(config Config) *embed.Options {
	options := &embed.Options{
		Socket: config.NATS.SocketPath, Listen: config.NATS.Listen, MaxPayload: int(config.NATS.MaxPayload), Logger: config.Logger,
		TLS:  embed.TLS{CertFile: config.NATS.TLSCert, KeyFile: config.NATS.TLSKey, ClientCAFile: config.NATS.TLSCA},
		Role: config.NATS.Role, Users: make(map[int]string), Credentials: config.NATS.CredentialsDir,
		Shared: config.NATS.Shared != SharedNo, Leaf: leafOptions(config.NATS.Leaf),
	}
	for _, user := range config.NATS.Users {
		uid, role, _ := parseUser(user) // Validate has seen it
		options.Users[uid] = role
	}
	return options
}

func leafOptions(leaf LeafConfig) embed.LeafOptions {
	return embed.LeafOptions{
		Hub: leaf.Hub, Credentials: leaf.Credentials, CAFile: leaf.TLSCA,
		Prefix: leaf.Prefix, Host: leaf.Host, Topics: leaf.Topics, Accept: leaf.Accept,
	}
}

func openEmbedded(ctx context.Context, config Config, options bus.Options) (bus.Bus, error) {
	server, err := embed.Start(ctx, serverOptions(config))
	if err != nil {
		return nil, fmt.Errorf("eventbus: start the embedded server: %w", err)
	}
	b, err := natsbus.InProcess(ctx, server, &natsbus.Options{Bus: options})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("eventbus: open the bus: %w", err), stop(ctx, server))
	}
	return &embedded{Bus: b, server: server}, nil
}

// embedded is a bus together with the server that it owns.
type embedded struct {
	*natsbus.Bus
	server *embed.Server
}

var _ Listener = (*embedded)(nil)

// Endpoints implements [Listener].
func (e *embedded) Endpoints() Endpoints {
	socket := e.server.Socket()
	return Endpoints{Socket: socket, TokenFile: rendezvous.TokenFile(socket), Credentials: e.server.Credentials(), URL: e.server.URL()}
}

// Shutdown implements [bus.Bus]: the bus first, then the server.
func (e *embedded) Shutdown(ctx context.Context) error {
	return errors.Join(e.Bus.Shutdown(ctx), stop(ctx, e.server))
}

// stopTimeout bounds the end of the server when the caller's context has ended: its sockets and files go all the same.
const stopTimeout = 5 * time.Second

func stop(ctx context.Context, server *embed.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return server.Stop(ctx)
}
