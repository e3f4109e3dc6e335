package engine

import (
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// breaker is the circuit of a subscription, see [bus.CircuitBreak]. The lock of its queue guards it. Times are on the bus's
// clock.
type breaker struct {
	settings bus.CircuitBreak
	state    bus.CircuitState
	opened   uint64 // how often

	recent []time.Duration // the last overflows, a ring with room for as many as open the circuit
	count  int             // of them since the circuit was closed
	tried  time.Duration   // while open: when it opened, or a probe last found no room
	probe  uint64          // while half-open: the probe's position in the queue
}

func newBreaker(settings bus.CircuitBreak) *breaker {
	return &breaker{settings: settings, state: bus.CircuitClosed, recent: make([]time.Duration, settings.Overflows)}
}

// overflow counts an event that found no room while the circuit was closed, and opens it if it was one too many.
func (b *breaker) overflow(now time.Duration) {
	b.recent[b.count%len(b.recent)] = now
	b.count++
	if b.count < len(b.recent) {
		return
	}
	if first := b.recent[b.count%len(b.recent)]; now-first <= b.settings.Window {
		b.state, b.tried, b.count = bus.CircuitOpen, now, 0
		b.opened++
	}
}

// admits says whether an event may be queued while the circuit is not closed: as the probe, which goes to the position.
func (b *breaker) admits(now time.Duration, room bool, position uint64) bool {
	if b.state == bus.CircuitHalfOpen || now-b.tried < b.settings.CoolDown {
		return false
	}
	if !room {
		b.tried = now
		return false
	}
	b.state, b.probe = bus.CircuitHalfOpen, position
	return true
}

// taken closes the circuit if the reader, whose next position is given, has taken the probe.
func (b *breaker) taken(next uint64) (closed bool) {
	if b.state != bus.CircuitHalfOpen || next <= b.probe {
		return false
	}
	b.state = bus.CircuitClosed
	return true
}
