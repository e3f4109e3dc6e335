// Package health says why a program is not well, from the statistics of its bus.
//
// # Use
//
//	reasons := health.Reasons(&statistics, 0)
//
// Without reasons it is well. The functions may be called from any goroutine.
package health

import (
	"cmp"
	"fmt"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

const (
	// DefaultQueueFull is how long a subscriber may keep its queue full.
	DefaultQueueFull = 30 * time.Second
	// MaxReasons bounds the reasons; beyond it one says how many more there are.
	MaxReasons = 20
)

// Reasons returns why events do not get through, and after them more reasons that the caller knows. A subscriber may keep its queue full
// for queueFull; 0 is DefaultQueueFull.
func Reasons(statistics *bus.Statistics, queueFull time.Duration, more ...string) []string {
	queueFull = cmp.Or(queueFull, DefaultQueueFull)
	var reasons []string
	switch {
	case statistics.Closed:
		reasons = append(reasons, "the bus is shut down")
	case statistics.Connected:
	case statistics.DisconnectedFor > 0:
		reasons = append(reasons, fmt.Sprintf("not connected to the server for %v", rounded(statistics.DisconnectedFor)))
	default:
		reasons = append(reasons, "not connected to the server")
	}
	for _, one := range statistics.Subscriptions {
		if one.FullFor > queueFull {
			reasons = append(reasons, fmt.Sprintf("subscription %q: its queue of %d events has been full for %v", one.ID, one.QueueCapacity, rounded(one.FullFor)))
		}
		if IsOpen(one.Circuit) {
			reasons = append(reasons, fmt.Sprintf("subscription %q: its circuit is %s, so events are dropped", one.ID, one.Circuit))
		}
	}
	reasons = append(reasons, more...)
	if beyond := len(reasons) - MaxReasons; beyond > 0 {
		reasons = append(reasons[:MaxReasons], fmt.Sprintf("and %d more", beyond))
	}
	return reasons
}

// IsOpen says whether a circuit drops what comes.
func IsOpen(state bus.CircuitState) bool {
	return state == bus.CircuitOpen || state == bus.CircuitHalfOpen
}

func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}
