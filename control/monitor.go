package control

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

const (
	// heartbeatQueue is how many heartbeats may wait.
	heartbeatQueue = 256
	// MaxPeers is how many components are remembered; a new one takes the place of that which was not heard for longest.
	MaxPeers = 256
	// missedBeats is how many heartbeats have to be missing before that is reported: one can be lost.
	missedBeats = 3
	// maxInterval bounds the interval that a heartbeat promises, so that three of them can be added to a time.
	maxInterval = 365 * 24 * time.Hour
	// collisionInterval is how often it is said that others use this component's id.
	collisionInterval = time.Minute
	// late is how much later than it wanted to this process may look at the heartbeats before it is itself what was held up.
	late = MinHeartbeat
)

// monitor knows the other components by their heartbeats.
type monitor struct {
	options   Options
	bus       bus.Bus
	publisher uuid.UUID // of this bus

	// For run alone.
	lines      *rate.Limiter  // of the log, since who makes heartbeats come and go could fill it
	collisions rate.Sometimes // how often it is said that another publisher uses this component's id
	collision  uuid.UUID      // the last one that has
	since      time.Time      // from when on heartbeats could be heard without a break
	reconnects uint64         // of the bus, when that was last looked at

	mu        sync.Mutex // guards what follows
	peers     map[string]*knownPeer
	forgotten uint64
}

// knownPeer is a peer, with the moment of its last heartbeat on the monotonic clock: that of Peer.LastHeard jumps when somebody sets it.
type knownPeer struct {
	Peer
	heard time.Time
}

func newMonitor(b bus.Bus, o Options, publisher uuid.UUID) *monitor {
	return &monitor{
		options: o, bus: b, publisher: publisher, peers: make(map[string]*knownPeer),
		lines:      rate.NewLimiter(1, 2*MaxPeers), // all may go at once, and come back
		collisions: rate.Sometimes{First: 1, Interval: collisionInterval}, reconnects: b.Statistics().Reconnects,
	}
}

// subscriberID names the subscription to heartbeats. A bus can have several components.
func (m *monitor) subscriberID() string { return "control-heartbeats-" + m.options.ID }

func (m *monitor) subscription() bus.Subscription {
	return bus.Subscription{
		ID: m.subscriberID(), Patterns: []string{subjects.ControlHealthHeartbeat + ".+"}, Events: bus.EventFilter{Types: []bus.EventType{bus.TypeHealth}},
		QueueCapacity: heartbeatQueue, Overflow: bus.DropOldest,
	}
}

// run watches until ctx or the subscription ends.
func (m *monitor) run(ctx context.Context, r bus.Receiver) {
	for {
		wait, cancel := ctx, context.CancelFunc(func() {})
		due := m.due()
		if !due.IsZero() {
			wait, cancel = context.WithDeadline(ctx, due)
		}
		event, err := r.Next(wait)
		expired := wait.Err() != nil && ctx.Err() == nil
		cancel()
		now := time.Now()
		if !due.IsZero() && now.Sub(due) > late {
			m.since = now // what came meanwhile still waits to be heard
		}
		switch {
		case err == nil:
			m.hear(event, now)
		case !expired:
			return
		}
		m.miss(now)
	}
}

// deadline returns when a peer counts as missing; zero if it does not.
func (m *monitor) deadline(p *knownPeer) time.Time {
	if p.Interval == 0 || p.Health == bus.HealthStopping || p.Health == bus.HealthMissing {
		return time.Time{}
	}
	from := p.heard
	if m.since.After(from) {
		from = m.since
	}
	return from.Add(missedBeats * min(max(p.Interval, MinHeartbeat), maxInterval))
}

// due returns when the next peer will be missing; zero if none can be.
func (m *monitor) due() (due time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if d := m.deadline(p); !d.IsZero() && (due.IsZero() || d.Before(due)) {
			due = d
		}
	}
	return due
}

// hear takes a heartbeat. One that is about another component than its topic says is nobody's, and nobody says of itself that it is missing.
func (m *monitor) hear(event *bus.Event, now time.Time) {
	beat, ok := event.Payload.(*bus.HealthEvent)
	if !ok || beat.Status == bus.HealthMissing {
		return
	}
	if topic, err := subjects.HeartbeatFor(beat.ID); err != nil || topic != event.Topic || len(beat.ID) > maxID {
		return
	}
	if beat.ID == m.options.ID {
		if event.Publisher != m.publisher && event.Publisher != m.collision && beat.Status != bus.HealthStopping {
			m.collisions.Do(func() {
				m.collision = event.Publisher
				m.options.Logger.Warn("another process has the id of this one: requests to it reach both", "id", beat.ID, "publisher", event.Publisher)
			})
		}
		return
	}
	peer := &knownPeer{heard: now, Peer: Peer{
		ID: beat.ID, Health: beat.Status, LastHeard: now.UTC(), Interval: beat.Interval,
		Published: beat.Published, Dropped: beat.Dropped, Lost: beat.Lost, Unsent: beat.Unsent,
	}}
	if was := m.remember(peer); was != nil && was.Health == bus.HealthMissing && beat.Status != bus.HealthStopping {
		if m.lines.AllowN(now, 1) {
			m.options.Logger.Info("the heartbeats of a component are back", "id", peer.ID, "after", now.Sub(was.heard))
		}
		m.report(&peer.Peer, now)
	}
}

// remember replaces what was known of a peer, and returns that.
func (m *monitor) remember(peer *knownPeer) (was *knownPeer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was = m.peers[peer.ID]
	if was == nil && len(m.peers) >= MaxPeers {
		oldest := slices.MinFunc(slices.Collect(maps.Values(m.peers)), func(a, b *knownPeer) int { return a.heard.Compare(b.heard) })
		delete(m.peers, oldest.ID)
		m.forgotten++
	}
	m.peers[peer.ID] = peer
	return was
}

// miss reports the peers that are missing by now, unless it is this process that had no server.
func (m *monitor) miss(now time.Time) {
	if !m.anyMissing(now) {
		return
	}
	if statistics := m.bus.Statistics(); !statistics.Connected || statistics.Reconnects != m.reconnects {
		m.since, m.reconnects = now, statistics.Reconnects
		return
	}
	for _, p := range m.missing(now) {
		if m.lines.AllowN(now, 1) {
			m.options.Logger.Warn("the heartbeats of a component have stopped", "id", p.ID, "last_heard", p.LastHeard, "interval", p.Interval)
		}
		m.report(&p, now)
	}
}

func (m *monitor) anyMissing(now time.Time) bool {
	due := m.due()
	return !due.IsZero() && !now.Before(due)
}

// missing returns those that are newly missing.
func (m *monitor) missing(now time.Time) (missing []Peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if d := m.deadline(p); !d.IsZero() && !now.Before(d) {
			p.Health = bus.HealthMissing
			missing = append(missing, p.Peer)
		}
	}
	slices.SortFunc(missing, byID)
	return missing
}

// report publishes what has become of a peer.
func (m *monitor) report(p *Peer, now time.Time) {
	err := publish(m.options, bus.Event{Source: m.options.ID, Payload: &bus.HealthEvent{
		ID: p.ID, Status: p.Health, Interval: p.Interval, Timestamp: now,
		Published: p.Published, Dropped: p.Dropped, Lost: p.Lost, Unsent: p.Unsent,
	}})
	if err != nil {
		m.options.Logger.Debug("the change of a component's health did not reach everybody", "id", p.ID, "error", err)
	}
}

// all returns the peers, by ID, and how many were forgotten.
func (m *monitor) all() (peers []Peer, forgotten uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		peers = append(peers, p.Peer)
	}
	slices.SortFunc(peers, byID)
	return peers, m.forgotten
}

func byID(a, b Peer) int { return cmp.Compare(a.ID, b.ID) }
