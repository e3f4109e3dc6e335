package collect

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// ConnectionOptions configures [NewConnections]. The zero value is valid.
type ConnectionOptions struct {
	// Interval is the time between scans; 0 is DefaultConnectionInterval.
	Interval time.Duration
	// Traffic adds an event on events.network.traffic for each connection whose byte counts have changed since the last scan.
	Traffic bool
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// DefaultConnectionInterval is longer than that of processes: to find the processes of the sockets, a scan looks at every open
// file of every process.
const DefaultConnectionInterval = 5 * time.Second

// Connections reports the TCP and UDP sockets of this host (on Linux: of this network namespace): which there are, which are
// opened and closed, and change their state. A connection is its protocol and its two addresses, and where the system
// tells, on Linux, its socket, so that one between the same addresses is another one. Sockets that share their
// addresses, as several listeners on one port can, are one.
//
// A TCP connection in time_wait is closed: it holds no data and no process. One that was opened and closed between two scans is
// still seen if it ended in that state on this side, without the process.
//
// Bytes are what the programs sent and received, without retransmissions; there are counts for TCP on Linux. Those of a closed
// connection are the last scan's, so what came after that is not in them.
//
// Events are on events.network.connections.
type Connections struct {
	out     *outlet
	pace    *pace
	traffic atomic.Bool
	// read is replaced in tests.
	read func(context.Context) ([]connection, error)
}

// NewConnections returns a collector of network connections. Nil options are the defaults.
func NewConnections(publisher Publisher, options *ConnectionOptions) *Connections {
	o := *cmp.Or(options, &ConnectionOptions{})
	out := newOutlet(publisher, "network", o.Logger)
	c := &Connections{out: out, pace: newPace(o.Interval, DefaultConnectionInterval), read: (&connectionReader{out: out}).read}
	c.traffic.Store(o.Traffic)
	return c
}

// Name implements [Collector].
func (*Connections) Name() string { return "network" }

// Statistics implements [Collector].
func (c *Connections) Statistics() Statistics { return c.out.counters.snapshot() }

// Interval implements [Paced].
func (c *Connections) Interval() time.Duration { return c.pace.get() }

// SetInterval implements [Paced].
func (c *Connections) SetInterval(interval time.Duration) { c.pace.set(interval) }

// SetTraffic changes ConnectionOptions.Traffic, from the next scan on.
func (c *Connections) SetTraffic(traffic bool) { c.traffic.Store(traffic) }

// Run implements [Collector].
func (c *Connections) Run(ctx context.Context) error {
	scan := &connectionScan{out: c.out, table: make(map[connectionKey]*trackedConnection)}
	return c.out.scanEvery(ctx, c.pace, func(ctx context.Context) error {
		list, err := c.read(ctx)
		if err != nil {
			return err
		}
		scan.traffic = c.traffic.Load()
		return scan.run(ctx, list)
	})
}

// connectionKey tells apart the connections that exist at the same time.
type connectionKey struct {
	protocol      string
	local, remote netip.AddrPort // zero if there is none
}

// connection is what a scan reads of a connection.
type connection struct {
	connectionKey
	state          string // "" if the protocol has none
	pid            *uint32
	cookie         uint64 // of the socket, never used again; 0 if unknown
	sent, received *uint64
}

// timeWait is the state of a TCP connection that is over.
const timeWait = "time_wait"

// trackedConnection is what is known of a connection.
type trackedConnection struct {
	connection
	id     string
	closed bool   // its end was reported, although the system still shows it
	seen   uint64 // number of the last scan that saw it
}

// connectionScan is what one Run knows. It is for one goroutine.
type connectionScan struct {
	out     *outlet
	traffic bool
	table   map[connectionKey]*trackedConnection
	number  uint64    // of this scan, from 1
	now     time.Time // when it began
}

// run compares what there is with what is known: ends first, then changes, then beginnings.
func (s *connectionScan) run(ctx context.Context, list []connection) error {
	s.now = time.Now()
	s.number++
	var known, fresh []connection
	listed := make(map[connectionKey]bool, len(list))
	for _, c := range list {
		if listed[c.connectionKey] {
			continue // sockets that share their addresses
		}
		listed[c.connectionKey] = true
		if t, ok := s.table[c.connectionKey]; ok && t.continues(&c) {
			t.seen = s.number
			known = append(known, c)
		} else {
			fresh = append(fresh, c)
		}
	}
	if err := s.closeUnseen(ctx); err != nil {
		return err
	}
	for _, c := range known {
		if err := s.update(ctx, s.table[c.connectionKey], c); err != nil {
			return err
		}
	}
	for _, c := range fresh {
		if err := s.open(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// continues reports whether c is the same connection, later.
func (t *trackedConnection) continues(c *connection) bool {
	if t.closed && c.state != timeWait {
		return false
	}
	return t.cookie == c.cookie || t.cookie == 0 || c.cookie == 0
}

func (s *connectionScan) closeUnseen(ctx context.Context) error {
	var gone []*trackedConnection
	for _, t := range s.table {
		if t.seen != s.number {
			gone = append(gone, t)
		}
	}
	slices.SortFunc(gone, func(a, b *trackedConnection) int { return strings.Compare(a.id, b.id) })
	for _, t := range gone {
		delete(s.table, t.connectionKey)
		if t.closed {
			continue
		}
		if err := s.publish(ctx, t, ActionClosed, ""); err != nil {
			return err
		}
	}
	return nil
}

func (s *connectionScan) open(ctx context.Context, c connection) error {
	t := &trackedConnection{connection: c, id: c.id(), seen: s.number}
	s.table[c.connectionKey] = t
	t.closed = c.state == timeWait
	first := s.number == 1
	switch {
	case t.closed && first:
		return nil // it was over before we came
	case first:
		return s.publish(ctx, t, ActionExisting, "")
	}
	if err := s.publish(ctx, t, ActionOpened, ""); err != nil || !t.closed {
		return err
	}
	return s.publish(ctx, t, ActionClosed, "")
}

func (s *connectionScan) update(ctx context.Context, t *trackedConnection, c connection) error {
	if t.closed {
		return nil
	}
	before := t.connection
	t.state = c.state
	t.cookie = cmp.Or(c.cookie, t.cookie)
	// A socket that its process has closed has no process any more, and one in time_wait no counts.
	t.pid, t.sent, t.received = cmp.Or(c.pid, t.pid), cmp.Or(c.sent, t.sent), cmp.Or(c.received, t.received)
	if t.state == timeWait {
		t.closed = true
		return s.publish(ctx, t, ActionClosed, "")
	}
	var changed []string
	if t.state != before.state {
		changed = append(changed, "state")
	}
	if !equal(t.pid, before.pid) {
		changed = append(changed, "pid")
	}
	if len(changed) > 0 {
		return s.publish(ctx, t, ActionChange, strings.Join(changed, ","))
	}
	if s.traffic && (!equal(t.sent, before.sent) || !equal(t.received, before.received)) {
		return s.out.publish(ctx, subjects.NetworkTraffic, t.event(s.now, ActionChange, "bytes_sent,bytes_received"))
	}
	return nil
}

func (s *connectionScan) publish(ctx context.Context, t *trackedConnection, action, changed string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.out.publish(ctx, subjects.NetworkConnections, t.event(s.now, action, changed))
}

// event makes the event of a connection. It shares nothing with t that changes later.
func (t *trackedConnection) event(now time.Time, action, changed string) *bus.NetworkEvent {
	event := &bus.NetworkEvent{
		ConnectionID:  t.id,
		Protocol:      t.protocol,
		LocalAddr:     addressText(t.local),
		RemoteAddr:    addressText(t.remote),
		State:         t.state,
		PID:           t.pid,
		BytesSent:     t.sent,
		BytesReceived: t.received,
		Timestamp:     now.UTC(),
		Metadata:      bus.Metadata{Action: action},
	}
	if changed != "" {
		event.Metadata[Changed] = changed
	}
	return event
}

// id returns a text that stays the same for the connection's life, and through restarts of the collector.
func (c *connection) id() string {
	id := c.protocol + "/" + addressText(c.local) + "/" + addressText(c.remote)
	if c.cookie != 0 {
		id += "/" + strconv.FormatUint(c.cookie, 16)
	}
	return id
}

// addressText returns host:port, "" for no address.
func addressText(address netip.AddrPort) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}
