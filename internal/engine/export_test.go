package engine

import "time"

// SetWallClock replaces the wall clock of an engine that is not in use yet.
func SetWallClock(e *Engine, wallClock func() time.Time) { e.clock.wall = wallClock }
