package embed

import "sync"

// gather is a bounded buffer between one writer and one reader that hands everything on that has come in meanwhile.
//
// The NATS server hands a message of 400 bytes over in a write of its own, since an in-process connection has no vectored writes.
// Passed on like that, each would cost a system call here and another one in the client.
type gather struct {
	limit int

	mu      sync.Mutex // guards what follows
	changed sync.Cond  // on each change of it
	pending []byte
	ended   bool
}

// newGather returns a buffer for up to limit bytes.
func newGather(limit int) *gather {
	g := &gather{limit: limit}
	g.changed.L = &g.mu
	return g
}

// put adds bytes, which are copied, and waits while there is no room for them. It returns false after end. More bytes than
// the limit are never taken at once.
func (g *gather) put(p []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.ended && len(g.pending) > 0 && len(g.pending)+len(p) > g.limit {
		g.changed.Wait()
	}
	if g.ended {
		return false
	}
	g.pending = append(g.pending, p...)
	g.changed.Signal()
	return true
}

// take returns all bytes, and keeps the given buffer to put the next ones in. It waits while there are none and returns
// none when the last have been taken after end.
func (g *gather) take(spare []byte) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.ended && len(g.pending) == 0 {
		g.changed.Wait()
	}
	taken := g.pending
	g.pending = spare[:0]
	g.changed.Signal()
	return taken
}

// end lets the other side go on: the writer at once, the reader when it has taken the rest.
func (g *gather) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.changed.Broadcast()
}
