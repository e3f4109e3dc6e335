package bus

import (
	"cmp"
	"fmt"
	"time"
)

// Defaults and bounds of [CircuitBreak]. The defaults are those of Hystrix, which made the pattern common: 20 requests in a
// rolling window of 10 s, and a sleep window of 5 s
// (https://github.com/Netflix/Hystrix/wiki/Configuration).
const (
	DefaultCircuitOverflows = 20
	DefaultCircuitWindow    = 10 * time.Second
	DefaultCircuitCoolDown  = 5 * time.Second

	// MaxCircuitOverflows bounds CircuitBreak.Overflows: the queue remembers the time of each.
	MaxCircuitOverflows = 10_000
)

// CircuitBreak says when the circuit of a subscription with the policy [BreakCircuit] opens and closes.
//
// While the circuit is closed, an event that finds the queue full is dropped: an overflow. Overflows of them within any
// Window open the circuit. While it is open everything is dropped, and the receiver can take what is queued. The first event
// after CoolDown is the probe, and the circuit half-open: if there is no room for the probe, the circuit stays open for another
// CoolDown; otherwise the probe is queued, what follows it is still dropped, and the circuit closes when the receiver has
// taken the probe. Then the overflows are counted anew.
type CircuitBreak struct {
	// Overflows within Window open the circuit, 1 to MaxCircuitOverflows; 0 is DefaultCircuitOverflows.
	Overflows int `toml:"overflows"`
	// Window is the time in which the overflows are counted; 0 is DefaultCircuitWindow.
	Window time.Duration `toml:"window"`
	// CoolDown is how long the circuit stays open before it is tried; 0 is DefaultCircuitCoolDown.
	CoolDown time.Duration `toml:"cool_down"`
}

// Or returns the settings with every zero field taken from other.
func (c CircuitBreak) Or(other CircuitBreak) CircuitBreak {
	return CircuitBreak{
		Overflows: cmp.Or(c.Overflows, other.Overflows),
		Window:    cmp.Or(c.Window, other.Window),
		CoolDown:  cmp.Or(c.CoolDown, other.CoolDown),
	}
}

// WithDefaults returns the settings with every zero field replaced by its default.
func (c CircuitBreak) WithDefaults() CircuitBreak {
	return c.Or(CircuitBreak{Overflows: DefaultCircuitOverflows, Window: DefaultCircuitWindow, CoolDown: DefaultCircuitCoolDown})
}

// Validate returns an [*InvalidError] for a value out of range. A zero field is valid.
func (c CircuitBreak) Validate() error {
	switch {
	case c.Overflows < 0 || c.Overflows > MaxCircuitOverflows:
		return &InvalidError{Field: "circuit_break.overflows", Value: fmt.Sprint(c.Overflows), Reason: fmt.Sprintf("must be 1 to %d", MaxCircuitOverflows)}
	case c.Window < 0:
		return &InvalidError{Field: "circuit_break.window", Value: c.Window.String(), Reason: "must be positive"}
	case c.CoolDown < 0:
		return &InvalidError{Field: "circuit_break.cool_down", Value: c.CoolDown.String(), Reason: "must be positive"}
	}
	return nil
}

// CircuitState is the state of a subscription's circuit, see [CircuitBreak]. It is empty under another policy.
type CircuitState string

// The states of a circuit.
const (
	CircuitClosed   CircuitState = "closed"
	CircuitOpen     CircuitState = "open"
	CircuitHalfOpen CircuitState = "half-open"
)
