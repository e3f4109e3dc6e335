package natsbus

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
	"github.com/daemoneye/eventbus/internal/link"
)

// Bus is a [bus.Bus] over NATS. Make one with [InProcess], [Attach] or [Connect].
type Bus struct {
	engine *engine.Engine
	server Server // nil unless it is in this process
	logger *slog.Logger

	name           string
	peer           string // for logs and errors
	credentials    string // file, or empty
	serverUser     int
	tls            TLS
	seed           *seedFile // nil without an nkey
	connectTimeout time.Duration
	pingInterval   time.Duration

	conn      *nats.Conn
	closed    chan struct{} // closed when conn is
	interest  interest
	outbound  *outbound
	announcer *announcer
	requests  *requests
	gate      *gate // nil but on the server's own bus

	lostAt atomic.Pointer[time.Time] // when the connection was lost; nil while it is there

	listening  sync.Mutex // guards listens
	listens    bool       // to announcements
	subscribed atomic.Bool
	lastWords  *lastWords // nil but on the server's own bus

	forbidden         rate.Sometimes // about missing permissions
	forbiddenMessages atomic.Uint64

	malformed  atomic.Uint64
	forged     atomic.Uint64
	complaints rate.Sometimes // about malformed messages
	overload   rate.Sometimes // about events that were not sent

	stop    chan struct{} // ends the workers
	workers sync.WaitGroup
}

var _ bus.Bus = (*Bus)(nil)

// newBus returns a bus that is not connected yet. server may be nil.
func newBus(options *Options, server Server) (*Bus, error) {
	var o Options
	if options != nil {
		o = *options
	}
	if err := cmp.Or(notNegative("connect_timeout", o.ConnectTimeout), notNegative("ping_interval", o.PingInterval)); err != nil {
		return nil, err
	}
	b := &Bus{
		server:         server,
		name:           cmp.Or(o.Name, defaultName),
		credentials:    o.Credentials,
		serverUser:     o.ServerUser,
		tls:            o.TLS,
		connectTimeout: cmp.Or(o.ConnectTimeout, defaultConnectTimeout),
		pingInterval:   cmp.Or(o.PingInterval, defaultPingInterval),
		complaints:     rate.Sometimes{Interval: complaintInterval},
		overload:       rate.Sometimes{Interval: complaintInterval},
		forbidden:      rate.Sometimes{First: 5, Interval: complaintInterval},
		closed:         make(chan struct{}),
		stop:           make(chan struct{}),
	}
	b.outbound = newOutbound(b)
	e, err := engine.New(&o.Bus, b.outbound)
	if err != nil {
		return nil, err
	}
	b.engine = e
	b.logger = e.Options().Logger
	b.interest.queue = link.GroupPrefix + rand.Text()
	b.interest.inbox = make(chan *nats.Msg, inboundMessages)
	b.interest.ended = e.InterestEnded
	b.interest.subjects = make(map[string]*wanted)
	b.announcer = newAnnouncer(b)
	b.requests = newRequests(b)
	if server != nil {
		b.lastWords = new(lastWords)
		b.gate = &gate{bus: b, asked: make(map[string]*rate.Limiter)}
	}
	return b, nil
}

// Publish implements [bus.Bus].
func (b *Bus) Publish(ctx context.Context, event bus.Event) error {
	return b.engine.Publish(ctx, &event)
}

// Subscribe implements [bus.Bus]. It makes one round trip to the server, unless that is in this process.
func (b *Bus) Subscribe(ctx context.Context, subscription bus.Subscription) (bus.Receiver, error) {
	s, err := b.engine.Prepare(ctx, subscription)
	if err != nil {
		return nil, err
	}
	if err := b.listenToAnnouncements(); err != nil {
		return nil, b.sendError(err)
	}
	b.subscribed.Store(true)
	if b.server != nil {
		if err := b.engine.Register(s); err != nil {
			return nil, err
		}
		b.announcer.askSoon()
		return s, nil
	}
	// The server first: once the subscription is registered, nothing can fail any more.
	if err := b.interest.add(ctx, s.Patterns()); err != nil {
		return nil, b.sendError(err)
	}
	if err := b.engine.Register(s); err != nil {
		b.interest.remove(s.Patterns())
		return nil, err
	}
	b.announcer.askSoon()
	return s, nil
}

// Unsubscribe implements [bus.Bus]. The server is told in the background.
func (b *Bus) Unsubscribe(_ context.Context, subscriberID string) error {
	if s := b.engine.Unsubscribe(subscriberID); s != nil && b.server == nil {
		b.interest.remove(s.Patterns())
	}
	return nil
}

// Statistics implements [bus.Bus].
func (b *Bus) Statistics() bus.Statistics {
	statistics := b.engine.Statistics()
	statistics.Malformed = b.malformed.Load()
	statistics.Forged = b.forged.Load()
	statistics.Overruns = b.interest.lost()
	statistics.Forbidden = b.forbiddenMessages.Load()
	statistics.Unsent = b.outbound.unsent.Load()
	statistics.Connected = b.conn.IsConnected()
	if lostAt := b.lostAt.Load(); lostAt != nil && !statistics.Connected && !statistics.Closed {
		statistics.DisconnectedFor = time.Since(*lostAt)
	}
	statistics.Reconnects = b.conn.Stats().Reconnects
	return statistics
}

// Flush implements [bus.Bus].
func (b *Bus) Flush(ctx context.Context) error {
	if b.engine.Stopped() {
		return bus.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	unsent := b.outbound.flush(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	b.announcer.announce(engine.Moved)
	return errors.Join(unsent, b.sendError(flush(ctx, b.conn)))
}

// Shutdown implements [bus.Bus].
func (b *Bus) Shutdown(ctx context.Context) error { return b.engine.Shutdown(ctx, b.release) }

// release brings what was published to the server and what has arrived to the queues, and closes the connection.
func (b *Bus) release(ctx context.Context) error {
	b.announcer.end()
	b.engine.Settle()
	unsent := b.outbound.flush(ctx)
	var err error
	if b.conn.IsConnected() {
		if err = flush(ctx, b.conn); err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: %s: %w", bus.ErrUndelivered, b.peer, err)
		}
	} else if n, _ := b.conn.Buffered(); n > 0 {
		err = fmt.Errorf("%w: %s is away: %d bytes of events were not sent", bus.ErrUndelivered, b.peer, n)
	}
	b.interest.lost() // remembers it
	// Drain ends the subscriptions in an order that loses nothing, and then closes the connection.
	if b.conn.Drain() != nil {
		b.conn.Close()
	}
	select {
	case <-b.closed:
	case <-ctx.Done():
		b.conn.Close()
		<-b.closed
	}
	b.requests.end()
	close(b.stop)
	b.workers.Wait()
	return errors.Join(unsent, err)
}

// flush waits until the server has taken everything that was sent before. nats.go insists on a deadline.
func flush(ctx context.Context, conn *nats.Conn) error {
	const patience = 365 * 24 * time.Hour
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := conn.FlushWithContext(ctx)
	if errors.Is(err, nats.ErrTimeout) {
		return context.DeadlineExceeded
	}
	return err
}
