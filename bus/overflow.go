package bus

import "fmt"

// OverflowPolicy says what happens to an event for which a subscription's queue has no room.
type OverflowPolicy uint8

// The overflow policies.
const (
	// OverflowDefault is the policy of the bus's options, and Block there.
	OverflowDefault OverflowPolicy = iota
	// Block makes the publisher wait for room, see [Bus]. A publisher in another process cannot be made to wait: its
	// event is dropped and counted instead.
	Block
	// DropNewest drops the event and keeps the queue.
	DropNewest
	// DropOldest drops the longest queued event to make room.
	DropOldest
	// BreakCircuit drops the event like DropNewest, and after a number of overflows everything for a while, so that a
	// subscriber that is far behind can catch up; see [CircuitBreak].
	BreakCircuit
)

var overflowNames = [...]string{
	OverflowDefault: "", Block: "block", DropNewest: "drop-newest", DropOldest: "drop-oldest", BreakCircuit: "circuit-break",
}

// Validate returns an [*InvalidError] for a policy that does not exist.
func (p OverflowPolicy) Validate() error {
	if int(p) < len(overflowNames) {
		return nil
	}
	return p.invalid(p.String())
}

func (p OverflowPolicy) invalid(value string) error {
	return &InvalidError{Field: "overflow", Value: value, Reason: "must be block, drop-newest, drop-oldest or circuit-break"}
}

func (p OverflowPolicy) String() string {
	if int(p) < len(overflowNames) {
		return overflowNames[p]
	}
	return fmt.Sprintf("OverflowPolicy(%d)", uint8(p))
}

// MarshalText implements [encoding.TextMarshaler].
func (p OverflowPolicy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] for the names block, drop-newest, drop-oldest and circuit-break. It
// returns an [*InvalidError].
func (p *OverflowPolicy) UnmarshalText(text []byte) error {
	for i, name := range overflowNames {
		if string(text) == name {
			*p = OverflowPolicy(i)
			return nil
		}
	}
	return p.invalid(string(text))
}
