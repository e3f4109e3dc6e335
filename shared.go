package eventbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/natsbus"
)

const (
	// takeoverInterval is how soon it is noticed that the server has gone.
	takeoverInterval = 100 * time.Millisecond
	// shareAttempts bounds how often a bus looks for a server to share that ends while it looks, or has only just begun.
	shareAttempts = 50
)

// openShared returns a bus that serves, or one on the server that another process has on the socket.
func openShared(ctx context.Context, config Config, options bus.Options) (bus.Bus, error) {
	for attempt := 1; ; attempt++ {
		b, err := openEmbedded(ctx, config, options)
		if _, inUse := errors.AsType[*embed.InUseError](err); !inUse {
			return b, err
		}
		b, err = attachShared(ctx, config, options)
		gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, nats.ErrNoServers)
		if !gone || attempt == shareAttempts {
			return b, err
		}
		select {
		case <-time.After(takeoverInterval):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		}
	}
}

// shared is a bus on the server of another process, and on one of its own when that has ended and the configuration says so.
//
// The bus stays the same: it is a client of the socket, whoever serves there, and comes back to it as after any lost connection. So what
// is lost meanwhile is found by the numbers of the events, as always.
type shared struct {
	*natsbus.Bus
	config Config
	socket string
	logger *slog.Logger

	life    context.Context // of the watcher
	end     context.CancelFunc
	watcher sync.WaitGroup

	mu      sync.Mutex // guards what follows
	serving *embedded  // nil as long as another process serves
}

var _ Listener = (*shared)(nil)

func attachShared(ctx context.Context, config Config, options bus.Options) (bus.Bus, error) {
	socket, seed, err := sharedFiles(config)
	if err != nil {
		return nil, fmt.Errorf("eventbus: share a server: %w", err)
	}
	if err := awaitSeed(ctx, socket, seed, config.NATS.Credentials != ""); err != nil {
		return nil, fmt.Errorf("eventbus: share a server: %w", err)
	}
	b, err := natsbus.Attach(ctx, socket, &natsbus.Options{Bus: options, Credentials: seed})
	if err != nil {
		return nil, fmt.Errorf("eventbus: share a server: %w", err)
	}
	s := &shared{Bus: b, config: config, socket: socket, logger: cmp.Or(config.Logger, slog.New(slog.DiscardHandler))}
	s.life, s.end = context.WithCancel(context.Background())
	s.logger.Info("shares the event bus server of another process", "socket", socket, "takeover", config.NATS.Shared == SharedTakeover)
	if config.NATS.Shared == SharedTakeover {
		s.watcher.Go(s.watch)
	}
	return s, nil
}

// sharedFiles returns the socket and the file of the seed with which a process attaches that would otherwise serve, and so is trusted as
// much as the one that does.
func sharedFiles(config Config) (socket, seed string, err error) {
	if socket = config.NATS.SocketPath; socket == "" {
		if socket, err = rendezvous.DefaultSocket(); err != nil {
			return "", "", err
		}
	}
	if config.NATS.Credentials != "" {
		return socket, config.NATS.Credentials, nil
	}
	dir := config.NATS.CredentialsDir
	if dir == "" {
		if dir, err = credentials.Dir(socket); err != nil {
			return "", "", err
		}
	}
	return socket, filepath.Join(dir, embed.Trusted+".nk"), nil
}

// greetingTimeout bounds how long a server may take from its socket to its greeting.
const greetingTimeout = 5 * time.Second

// awaitSeed returns an error if the file of the seed is not there and will not be. A server that has only just begun makes its own before
// it greets clients.
func awaitSeed(ctx context.Context, socket, seed string, own bool) error {
	if _, err := os.Stat(seed); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if own {
		return &bus.InvalidError{Field: "credentials", Value: seed, Reason: "there is no such file: eventbus creds make with --out makes one"}
	}
	conn, err := rendezvous.Dial(ctx, socket, greetingTimeout, 0)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if _, away := errors.AsType[*net.OpError](err); away { // otherwise it is about whose server it is
		return fmt.Errorf("%w: %w", nats.ErrNoServers, err)
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(greetingTimeout)) // it can fail only if the connection has ended, and then so does Read
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	switch _, err := conn.Read(make([]byte, 1)); {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the server at %s accepts connections and says nothing for %v: look at its log, and restart it if it hangs", socket, greetingTimeout)
	case err != nil:
		return fmt.Errorf("%w: %w", nats.ErrNoServers, err)
	}
	if _, err := os.Stat(seed); errors.Is(err, fs.ErrNotExist) {
		return &bus.InvalidError{
			Field: "credentials", Value: seed,
			Reason: fmt.Sprintf("there is no such file, since the program that serves at %s does not share: set event_bus.nats.shared there, too, or give this one event_bus.nats.credentials", socket),
		}
	}
	return nil
}

// watch serves once the other process does not any more. Of several that try, one gets the socket.
func (s *shared) watch() {
	ticker := time.NewTicker(takeoverInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-s.life.Done():
			return
		}
		if s.Bus.Statistics().Connected {
			continue
		}
		switch err := s.takeOver(); {
		case err == nil || s.life.Err() != nil:
			return
		case s.isInUse(err):
		default:
			s.logger.Warn("cannot take over the event bus server, trying again", "socket", s.socket, "error", err)
			select {
			case <-time.After(time.Second):
			case <-s.life.Done():
				return
			}
		}
	}
}

func (s *shared) isInUse(err error) bool {
	_, inUse := errors.AsType[*embed.InUseError](err)
	return inUse
}

// takeOver starts a server at the socket, with a bus of its own: the one that all others go through.
func (s *shared) takeOver() error {
	ctx, cancel := context.WithTimeout(s.life, stopTimeout)
	defer cancel()
	b, err := openEmbedded(ctx, s.config, bus.Options{Logger: s.config.Logger, MaxEventSize: int(s.config.NATS.MaxPayload)})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving = b.(*embedded)
	s.logger.Info("took over the event bus server", "socket", s.socket)
	return nil
}

// Endpoints implements [Listener].
func (s *shared) Endpoints() Endpoints {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving != nil {
		return s.serving.Endpoints()
	}
	return Endpoints{Socket: s.socket, TokenFile: rendezvous.TokenFile(s.socket), Attached: true}
}

// ServerStatistics implements [bus.ServerCounter].
func (s *shared) ServerStatistics() (bus.ServerStatistics, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving == nil {
		return bus.ServerStatistics{}, false
	}
	return s.serving.ServerStatistics()
}

// Shutdown implements [bus.Bus]: the bus first, and then the server that it may have.
func (s *shared) Shutdown(ctx context.Context) error {
	s.end()
	s.watcher.Wait()
	err := s.Bus.Shutdown(ctx)
	s.mu.Lock()
	serving := s.serving
	s.mu.Unlock()
	if serving != nil {
		err = errors.Join(err, serving.Shutdown(ctx))
	}
	return err
}
