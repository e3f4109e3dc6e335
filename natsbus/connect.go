package natsbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/internal/natsurl"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// InProcess returns a bus on a server in this process. The server must outlive the bus: shut down the bus first.
func InProcess(ctx context.Context, server Server, options *Options) (*Bus, error) {
	b, err := newBus(options, server)
	if err != nil {
		return nil, err
	}
	return b.connect(ctx, "the server in this process", "", nats.InProcessServer(server), nats.Token(server.Secret()))
}

// Attach returns a bus on the server behind a unix socket. The server knows the user by the socket; whoever wants another role than
// the user's has Options.Credentials.
func Attach(ctx context.Context, socket string, options *Options) (*Bus, error) {
	b, err := newBus(options, nil)
	if err != nil {
		return nil, err
	}
	// Fail early and plainly: nats.go only says that there is no server.
	if err := rendezvous.CheckSocketPath(socket); err != nil {
		return nil, fmt.Errorf("natsbus: attach to %s: %w", socket, err)
	}
	if _, err := os.Stat(socket); err != nil {
		return nil, fmt.Errorf("natsbus: attach to %s: %w", socket, err)
	}
	if b.credentials == "" {
		return b.connect(ctx, socket, "", nats.InProcessServer(unixSocket{socket, b.serverUser}))
	}
	seed, extra, err := b.credentialOptions(unixSocket{socket, b.serverUser}.InProcessConn)
	if err != nil {
		return nil, err
	}
	if seed == nil {
		return nil, &bus.InvalidError{Field: "credentials", Value: b.credentials, Reason: "an embedded server knows nkeys only"}
	}
	b.seed = seed
	return b.connect(ctx, socket, "", append(extra, nats.InProcessServer(seed))...)
}

// Connect returns a bus on an existing NATS server or cluster. The URL may hold several servers, separated by commas, and
// credentials, which appear in no error and no log. A malformed URL is a [*bus.InvalidError]. If ctx ends first, its error is
// returned, at the latest when an attempt to connect has taken Options.ConnectTimeout.
func Connect(ctx context.Context, url string, options *Options) (*Bus, error) {
	servers, err := natsurl.Servers(url)
	if err != nil {
		return nil, &bus.InvalidError{Field: "url", Reason: err.Error(), Err: err}
	}
	b, err := newBus(options, nil)
	if err != nil {
		return nil, err
	}
	extra := b.tls.options()
	if b.credentials != "" {
		seed, more, err := b.credentialOptions(nil)
		if err != nil {
			return nil, err
		}
		b.seed, extra = seed, append(extra, more...)
	}
	return b.connect(ctx, servers, url, extra...)
}

// unixSocket dials a unix socket for nats.go, which has no such scheme.
type unixSocket struct {
	path string
	user int // who may serve there beside this user and root
}

// InProcessConn implements [nats.InProcessConnProvider].
func (s unixSocket) InProcessConn() (net.Conn, error) {
	// Not a nil *net.UnixConn: to nats.go that would be a connection.
	conn, err := rendezvous.Dial(context.Background(), s.path, defaultConnectTimeout, s.user)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// connect dials and starts the inbound path. Nothing is left behind if it fails.
func (b *Bus) connect(ctx context.Context, peer, url string, extra ...nats.Option) (*Bus, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.peer = peer
	timeout := b.connectTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, max(time.Until(deadline), time.Millisecond))
	}
	options := append([]nats.Option{
		nats.Name(link.ConnectionName(b.name, b.engine.Publisher())),
		nats.NoEcho(),
		nats.Timeout(timeout),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.ReconnectBufSize(reconnectBuffer),
		nats.FlusherTimeout(flushTimeout),
		nats.DrainTimeout(flushTimeout),
		nats.ReconnectOnFlusherError(),
		nats.PingInterval(b.pingInterval),
		// A credential may be rotated; the old one may still be read in between.
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(b.disconnected),
		nats.ReconnectHandler(b.reconnected),
		nats.ErrorHandler(b.asyncError),
		nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
	}, extra...)
	conn, err := nats.Connect(url, options...)
	if err != nil {
		as := ""
		switch {
		case !errors.Is(err, nats.ErrAuthorization):
		case b.credentials != "":
			as = " with the credential " + b.credentials
		case url != "" && !strings.Contains(url, "@"):
			as = " without a credential"
		}
		if ended := endOf(ctx); ended != nil {
			err = fmt.Errorf("%w: %w", ended, err)
		}
		return nil, fmt.Errorf("natsbus: connect to %s%s: %w", peer, as, err)
	}
	b.conn = conn
	if b.seed != nil {
		b.seed.conn.Store(conn)
	}
	b.outbound.limit.Store(conn.MaxPayload())
	b.interest.conn = conn
	if b.server != nil {
		// Everything, for good: what nobody wants is dropped before it is decoded.
		err = b.interest.all(b.server.InboundPrefix() + ".>")
	} else {
		b.adapt()
		err = b.listenToBuses()
	}
	if err == nil {
		err = flush(ctx, conn) // who asks from now on is heard
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("natsbus: subscribe at %s: %w", peer, err)
	}
	b.workers.Go(b.receiveAll)
	b.workers.Go(b.announcer.run)
	b.workers.Go(func() { b.outbound.run(b.stop) })
	return b, nil
}

// endOf returns the context's error if it has ended, also if its deadline has passed and its timer is late.
func endOf(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return cmp.Or(ctx.Err(), context.DeadlineExceeded)
	}
	return ctx.Err()
}

// adapt does as the server wants it: an embedded one takes what this bus publishes below its publisher ID, in batches, and gives it
// batches. Any other NATS server is for single events alone.
func (b *Bus) adapt() {
	name := b.conn.ConnectedServerName()
	if name == "" {
		return // the connection is lost again, and it is not known what comes next: see reconnected
	}
	embedded := link.IsEmbedded(name)
	uplink, form := "", ""
	if embedded {
		uplink, form = link.BusPrefix+b.engine.Publisher().String()+".", link.BatchPrefix
	}
	b.outbound.adapt(uplink, embedded)
	b.interest.adapt(form)
	b.requests.adapt(embedded)
}

// listenToBuses gets what other buses say about their sequence numbers, in order with their events.
func (b *Bus) listenToBuses() error {
	return b.listen(askSubject, answerPrefix+b.engine.Publisher().String())
}

// listenToAnnouncements gets what other buses say on their own. Only a bus with subscriptions needs it: a publisher would get
// the announcements of all others.
func (b *Bus) listenToAnnouncements() error {
	b.listening.Lock()
	defer b.listening.Unlock()
	if b.listens || b.server != nil {
		return nil
	}
	err := b.listen(announceSubject)
	b.listens = err == nil
	return err
}

// listen subscribes to what buses tell each other.
func (b *Bus) listen(subjects ...string) error {
	for _, subject := range subjects {
		if _, err := b.conn.ChanSubscribe(subject, b.interest.inbox); err != nil {
			return err
		}
	}
	return nil
}

// reconnectDelay doubles the pause with each attempt over all servers.
func reconnectDelay(attempts int) time.Duration {
	return min(minReconnectDelay<<min(attempts, 10), maxReconnectDelay)
}

func (b *Bus) disconnected(_ *nats.Conn, err error) {
	b.lostAt.Store(new(time.Now())) // nats.go calls its handlers one after the other
	b.outbound.away.Store(true)
	if err == nil || b.engine.Stopped() { // without an error it was given up here
		return
	}
	b.logger.Warn("connection to the NATS server lost, reconnecting", "server", b.peer, "error", err)
}

func (b *Bus) reconnected(conn *nats.Conn) {
	b.logger.Info("connection to the NATS server is back", "server", b.peer, "reconnects", conn.Stats().Reconnects)
	if lostAt := b.lostAt.Swap(nil); lostAt != nil {
		b.engine.Reconnected(time.Since(*lostAt))
	}
	b.outbound.away.Store(false)
	b.outbound.limit.Store(conn.MaxPayload())
	if b.server == nil {
		b.adapt()
	}
	b.announcer.afterReconnect()
}

func (b *Bus) asyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	subject := ""
	if sub != nil {
		subject = sub.Subject
	}
	if errors.Is(err, nats.ErrPermissionViolation) {
		b.requests.refuse(err)
		if strings.Contains(err.Error(), "Violation for Publish") {
			b.forbiddenMessages.Add(1)
		} else {
			b.interest.refuse(err)
		}
		b.forbidden.Do(func() { b.logger.Warn("the NATS server forbids something", "server", b.peer, "error", err) })
		return
	}
	if errors.Is(err, nats.ErrSlowConsumer) {
		b.overload.Do(func() {
			b.logger.Warn("events arrive faster than they can be decoded; some are lost and counted", "subject", subject)
		})
		return
	}
	// Malformed headers are one of these, which whoever may publish can send as often as he likes.
	b.complaints.Do(func() { b.logger.Warn("NATS error", "server", b.peer, "subject", subject, "error", err) })
}

// sendError translates an error of nats.go for Publish and Flush.
func (b *Bus) sendError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, bus.ErrForbidden):
		return err
	case errors.Is(err, nats.ErrMaxPayload):
		// Who is in this process has it.
		return fmt.Errorf("%w: %s takes at most %d bytes: %w", bus.ErrUndelivered, b.peer, b.conn.MaxPayload(), bus.ErrTooLarge)
	case b.engine.Stopped():
		return bus.ErrClosed
	}
	return fmt.Errorf("%w: %s: %w", bus.ErrUndelivered, b.peer, err)
}
