package engine

import (
	"time"

	"github.com/google/uuid"
)

// SetWallClock replaces the wall clock of an engine that is not in use yet.
func SetWallClock(e *Engine, wallClock func() time.Time) { e.clock.wall = wallClock }

// NewIDs returns what makes the IDs of one bus.
func NewIDs(random uuid.UUID) (next func(unix int64) uuid.UUID) {
	s := new(ids)
	s.seed(random)
	return s.next
}

// Sampled is the engine's sampled.
func (e *Engine) Sampled() bool { return e.sampled() }
