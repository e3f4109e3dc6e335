package control

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

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
)

// monitor knows the other components by their heartbeats.
type monitor struct {
	options   Options
	publisher uuid.UUID // of this bus
	collision uuid.UUID // the last publisher that has used this component's id; for run alone

	mu        sync.Mutex // guards what follows
	peers     map[string]*Peer
	forgotten uint64
}

func newMonitor(o Options, publisher uuid.UUID) *monitor {
	return &monitor{options: o, publisher: publisher, peers: make(map[string]*Peer)}
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
		if due := m.due(); !due.IsZero() {
			wait, cancel = context.WithDeadline(ctx, due)
		}
		event, err := r.Next(wait)
		expired := wait.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			m.hear(event, time.Now())
		case !expired:
			return
		}
		m.miss(time.Now())
	}
}

// deadline returns when a peer counts as missing; zero if it does not.
func deadline(p *Peer) time.Time {
	if p.Interval == 0 || p.Health == bus.HealthStopping || p.Health == bus.HealthMissing {
		return time.Time{}
	}
	return p.LastHeard.Add(missedBeats * max(p.Interval, MinHeartbeat))
}

// due returns when the next peer will be missing; zero if none can be.
func (m *monitor) due() (due time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if d := deadline(p); !d.IsZero() && (due.IsZero() || d.Before(due)) {
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
			m.collision = event.Publisher
			m.options.Logger.Warn("another process has the id of this one: requests to it reach both", "id", beat.ID, "publisher", event.Publisher)
		}
		return
	}
	peer := &Peer{
		ID: beat.ID, Health: beat.Status, LastHeard: now.UTC(), Interval: beat.Interval,
		Published: beat.Published, Dropped: beat.Dropped, Lost: beat.Lost, Unsent: beat.Unsent,
	}
	if was := m.remember(peer); was != nil && was.Health == bus.HealthMissing && beat.Status != bus.HealthStopping {
		m.options.Logger.Info("the heartbeats of a component are back", "id", peer.ID, "after", now.Sub(was.LastHeard))
		m.report(peer, now)
	}
}

// remember replaces what was known of a peer, and returns that.
func (m *monitor) remember(peer *Peer) (was *Peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was = m.peers[peer.ID]
	if was == nil && len(m.peers) >= MaxPeers {
		oldest := slices.MinFunc(slices.Collect(maps.Values(m.peers)), func(a, b *Peer) int { return a.LastHeard.Compare(b.LastHeard) })
		delete(m.peers, oldest.ID)
		m.forgotten++
	}
	m.peers[peer.ID] = peer
	return was
}

// miss reports the peers that are missing by now.
func (m *monitor) miss(now time.Time) {
	for _, p := range m.missing(now) {
		m.options.Logger.Warn("the heartbeats of a component have stopped", "id", p.ID, "last_heard", p.LastHeard, "interval", p.Interval)
		m.report(&p, now)
	}
}

// missing returns those that are newly missing.
func (m *monitor) missing(now time.Time) (missing []Peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if d := deadline(p); !d.IsZero() && !now.Before(d) {
			p.Health = bus.HealthMissing
			missing = append(missing, *p)
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
		peers = append(peers, *p)
	}
	slices.SortFunc(peers, byID)
	return peers, m.forgotten
}

func byID(a, b Peer) int { return cmp.Compare(a.ID, b.ID) }
