package control

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// heart is when the next heartbeat is due.
type heart struct {
	interval atomic.Int64
	changed  chan struct{} // a token if the next heartbeat is due at once
}

func (h *heart) init(interval time.Duration) {
	h.changed = make(chan struct{}, 1)
	h.interval.Store(int64(interval))
}

func (h *heart) get() time.Duration { return time.Duration(h.interval.Load()) }

func (h *heart) set(interval time.Duration) {
	if h.interval.Swap(int64(interval)) != int64(interval) {
		h.wake()
	}
}

func (h *heart) wake() {
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// beat publishes heartbeats until ctx ends, and a last one then, if there have been any.
func (s *Service) beat(ctx context.Context) {
	beaten, last := false, bus.Health("")
	for {
		interval := s.heart.get()
		if interval > 0 || beaten {
			last = s.heartbeat(interval)
			beaten = interval > 0 // one that says that there are no more is the last one
		}
		var due <-chan time.Time
		timer := time.NewTimer(interval)
		if interval > 0 {
			due = timer.C
		}
		select {
		case <-due:
		case <-s.heart.changed:
		case <-ctx.Done():
			if beaten && last != bus.HealthStopping {
				s.heartbeat(interval)
			}
			return
		}
		timer.Stop()
	}
}

// heartbeat publishes one, and returns how the component is.
func (s *Service) heartbeat(interval time.Duration) bus.Health {
	statistics := s.bus.Statistics()
	status, _ := s.health(&statistics)
	if statistics.Closed {
		return status
	}
	topic, err := subjects.HeartbeatFor(s.options.ID)
	if err == nil {
		err = publish(s.options, bus.Event{Topic: topic, Source: s.options.ID, Payload: &bus.HealthEvent{
			ID: s.options.ID, Status: status, Interval: interval, Timestamp: time.Now(),
			Published: statistics.Published, Dropped: statistics.Dropped, Lost: statistics.Lost, Unsent: statistics.Unsent,
		}})
	}
	if err != nil {
		s.options.Logger.Debug("a heartbeat did not reach everybody", "error", err)
	}
	return status
}

// publish publishes an event of this package.
func publish(o Options, event bus.Event) error {
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	return o.Publisher.Publish(ctx, event)
}
