package embed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/time/rate"

	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

const (
	// readyTimeout bounds the start of the NATS server beside the caller's context. It takes a few milliseconds.
	readyTimeout = 10 * time.Second
	// cutTimeout is how long Stop still waits, after its context has ended, for the connections that it cut.
	cutTimeout = time.Second
	// maxControlLine bounds a line of the protocol, and so the length of a subject, in bytes.
	maxControlLine = 4 << 10
	// busConnections is added to MaxConnections for the bus of this process, which connects once and again if it was slow.
	busConnections = 4
	// maxClosedClients is how many connections the server remembers after their end, which only its monitoring shows.
	maxClosedClients = 16
	maxPingsOut      = 2
)

// Server is a running server. Make one with [Start]; Stop it when the bus on it is shut down.
type Server struct {
	settings *settings
	auth     *authenticator
	accounts accounts
	nats     *server.Server
	log      *serverLog
	url      string
	place    *place // nil if there are no files

	conns   *connSet
	workers sync.WaitGroup // the accept loop and two goroutines for each connection of the socket

	stop    sync.Once
	quit    chan struct{} // closed when Stop begins
	stopped chan struct{} // closed when nothing is left
	stopErr error         // valid when stopped is closed
}

// Start starts a server and returns when clients can connect. Nil options are the defaults. If it fails, or the context ends
// before it is done, nothing is left behind. The context is not used after Start has returned.
//
// It returns an [*OptionError] for an option that it cannot accept, an [*InUseError] if a live server holds the socket, an error
// that names the path if the socket's directory is not this user's alone or something other than a socket is in its place,
// and the cause if the loopback address is taken. A socket that a killed server left behind is replaced.
func Start(ctx context.Context, options *Options) (*Server, error) {
	settings, err := options.check()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embed: start: %w", err)
	}
	s := &Server{
		settings: settings,
		auth:     newAuthenticator(settings),
		log:      &serverLog{logger: settings.Logger, clients: rate.Sometimes{Interval: refusalInterval}},
		conns:    newConnSet(),
		quit:     make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	if leaf := settings.leaf; leaf != nil {
		s.log.leaf = &leafLog{logger: settings.Logger, hub: leaf.hub}
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	settings.Logger.Info("event bus server started", "socket", s.Socket(), "url", s.url)
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	if s.settings.files() {
		var err error
		if s.place, err = takePlace(ctx, s.settings, s.auth.token); err != nil {
			return err
		}
		if s.auth.credentials, err = openCredentials(ctx, s.settings); err != nil {
			return err
		}
	}
	if err := s.startNATS(ctx); err != nil {
		return fmt.Errorf("embed: start the NATS server: %w", err)
	}
	if addr := s.nats.Addr(); addr != nil {
		scheme := "nats://"
		if s.settings.tls != nil {
			scheme = "tls://"
		}
		s.url = scheme + addr.String()
		if err := s.place.write(rendezvous.ListenFile(s.settings.Socket), s.url+"\n"); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("embed: start: %w", err)
	}
	// From here on clients get in; until now those of the socket have waited in its backlog.
	if s.place != nil && s.place.listener != nil {
		s.workers.Go(func() { s.accept(s.place.listener) })
	}
	return nil
}

func (s *Server) startNATS(ctx context.Context) error {
	nats, err := server.NewServer(s.natsOptions())
	if err != nil {
		return err
	}
	s.nats = nats
	// Debug messages cost an allocation each, so the server is told now whether somebody wants them.
	nats.SetLoggerV2(s.log, s.settings.Logger.Enabled(ctx, slog.LevelDebug), false, false)
	if s.accounts, err = connectAccounts(nats, s.settings); err != nil {
		return err
	}
	s.auth.succeed = s.endPredecessors
	s.auth.setAccounts(s.accounts)
	s.workers.Go(func() { s.auth.outsiders.watch(s.accounts.connections, s.quit) })
	if l := s.log.leaf; l != nil {
		s.workers.Go(func() { l.watch(s.accounts.joined, s.quit) })
	}
	s.workers.Go(func() { s.watchPending(s.quit) })
	s.workers.Go(func() { s.watchStrangers(s.quit) })
	if c := s.auth.credentials; c != nil {
		s.workers.Go(func() { c.watch(nats, s.quit) })
	}
	timeout := readyTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	nats.Start() // does not block; what it cannot do it logs as fatal
	if err := s.log.err(); err != nil {
		return err
	}
	if !nats.ReadyForConnections(timeout) {
		return errors.Join(fmt.Errorf("not ready after %v", timeout), ctx.Err())
	}
	return nil
}

// natsOptions returns new options for each server: a server keeps and changes them. All limits are explicit, since most
// defaults are made for a server on a network.
func (s *Server) natsOptions() *server.Options {
	o := &server.Options{
		ServerName:                 link.ServerName(s.settings.Name),
		DontListen:                 true,
		NoSigs:                     true, // its handlers end the process
		NoSystemAccount:            true,
		NoFastProducerStall:        true, // a slow client must not slow down publishers
		Accounts:                   newAccounts(s.settings),
		CustomClientAuthentication: s.auth,
		AlwaysEnableNonce:          true, // for nkeys
		AuthTimeout:                s.settings.AuthTimeout.Seconds(),
		MaxConn:                    s.settings.MaxConnections + busConnections,
		MaxSubs:                    s.settings.MaxSubscriptions,
		MaxControlLine:             maxControlLine,
		MaxPayload:                 int32(s.settings.MaxPayload + link.BatchOverhead),
		MaxPending:                 s.settings.MaxPending,
		WriteDeadline:              s.settings.WriteDeadline,
		PingInterval:               s.settings.PingInterval,
		MaxPingsOut:                maxPingsOut,
		MaxClosedClients:           maxClosedClients,
	}
	if leaf := s.settings.leaf; leaf != nil {
		// A hub takes two servers of one name for one, and cuts off the first.
		o.ServerName = link.ServerName(s.settings.Name + ":" + leaf.prefix)
		o.LeafNode = leaf.options(s.settings.Leaf.Credentials)
	}
	if s.settings.listenHost != "" {
		o.DontListen = false
		o.TLSConfig, o.TLS, o.TLSTimeout = s.settings.tls, s.settings.tls != nil, s.settings.AuthTimeout.Seconds()
		o.Host, o.Port = s.settings.listenHost, s.settings.listenPort
		if o.Port == 0 {
			o.Port = server.RANDOM_PORT
		}
	}
	return o
}

// Stop ends the server and returns when nothing of it is left: no goroutine, connection or file. It accepts no more
// connections, sends what is pending for the clients, closes their connections, and gives up the socket. Shut down the bus of this
// process first, so that its last events are among what is sent.
//
// A client that does not read holds it up for two times WriteDeadline at most. When ctx ends, connections through the
// socket and in this process are cut instead; Stop then returns an error that matches the context's, and clients of the
// loopback listener may still keep the server busy in the background until their WriteDeadline. A further call waits in
// the same way, and returns nil once nothing is left.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() {
		go func() {
			defer close(s.stopped)
			s.stopErr = s.shutdown()
		}()
	})
	select {
	case <-s.stopped:
		return s.stopErr
	case <-ctx.Done():
		select {
		case <-s.stopped: // both have happened
			return s.stopErr
		default:
		}
	}
	s.conns.cut()
	timer := time.NewTimer(cutTimeout)
	defer timer.Stop()
	select {
	case <-s.stopped:
		return errors.Join(fmt.Errorf("embed: stop: connections were cut: %w", ctx.Err()), s.stopErr)
	case <-timer.C:
		return fmt.Errorf("embed: stop: clients still hold the server up: %w", ctx.Err())
	}
}

// shutdown is the one run of Stop, also for what a failed Start has made.
func (s *Server) shutdown() error {
	close(s.quit)
	s.conns.refuse()
	var err error
	if s.place != nil {
		err = s.place.close()
	}
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	s.workers.Wait()
	s.conns.cut() // what the bus has not closed
	if s.place != nil {
		err = errors.Join(err, s.place.release())
	}
	return err
}

// Credentials returns the directory of the clients' credentials, or an empty string if there is none.
func (s *Server) Credentials() string { return s.settings.Credentials }

// Socket returns the path of the unix socket, or an empty string if there is none.
func (s *Server) Socket() string {
	if s.settings.NoSocket {
		return ""
	}
	return s.settings.Socket
}

// URL returns the address of the listener, such as nats://127.0.0.1:4222, with TLS tls://127.0.0.1:4222, or an empty string if there
// is none.
func (s *Server) URL() string { return s.url }

// Token returns what processes of this user authenticate with, through both listeners. It gives them Options.Role.
func (s *Server) Token() string { return s.auth.token }

// Secret returns what the bus of this process authenticates with, on connections from InProcessConn only.
func (s *Server) Secret() string { return s.auth.secret }

// InboundPrefix returns the constant of the same name.
func (s *Server) InboundPrefix() string { return InboundPrefix }

// Speaks reports whether a client of that role may publish under that source.
func (s *Server) Speaks(role, source string) bool {
	r := s.role(role)
	return r != nil && r.speaksFor(source)
}

// Publishes reports whether a client of that role may publish an event on that topic, rather than a request at most.
func (s *Server) Publishes(role, topic string) bool {
	r := s.role(role)
	return r != nil && matches(r.publishes, topic)
}

// Requests reports whether a client of that role may ask on that topic.
func (s *Server) Requests(role, topic string) bool {
	r := s.role(role)
	return r != nil && matches(r.requests, topic)
}

func (s *Server) role(name string) *role {
	if name == Hub && s.settings.hub != nil {
		return s.settings.hub
	}
	return s.settings.roles[name]
}

// Interest returns more than zero if a client has subscribed to the subject, and zero if none has, whatever the bus of this
// process has subscribed to below InboundPrefix. It is exact as soon as the server has read the subscription, and costs
// some 30 to 110 ns, or 2 while nobody is connected. The number itself has no meaning.
func (s *Server) Interest(subject string) int {
	if s.Alone() {
		return 0
	}
	return s.accounts.bus.Interest(subject)
}

// Joined reports whether the server is a leaf node of its hub now.
func (s *Server) Joined() bool { return s.accounts.joined() }

// Alone reports whether nobody but the bus of this process is connected, and no hub. It may find out late that the last one has gone, but
// never too late that one has come.
func (s *Server) Alone() bool { return s.auth.outsiders.deserted() && !s.accounts.joined() }

// Clients returns the number of authenticated clients, without the bus of this process.
func (s *Server) Clients() int { return s.accounts.connections() }
