package embed

import (
	"io"
	"sync"
)

// connSet holds the connections that end with the server.
type connSet struct {
	mu      sync.Mutex // guards what follows; never held while a connection is closed
	conns   map[io.Closer]struct{}
	refused bool
}

func newConnSet() *connSet { return &connSet{conns: make(map[io.Closer]struct{})} }

// add returns false if the server is stopping: then the caller closes the connection.
func (s *connSet) add(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *connSet) remove(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// refuse makes add return false from now on.
func (s *connSet) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = true
}

// cut closes all connections, whatever they are busy with.
func (s *connSet) cut() {
	s.mu.Lock()
	s.refused = true
	conns := s.conns
	s.conns = make(map[io.Closer]struct{})
	s.mu.Unlock()
	for c := range conns {
		_ = c.Close() // also of one that has ended by itself
	}
}

// open says whether add still takes connections.
func (s *connSet) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.refused
}
