package embed

import (
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// pendingInterval is how often it is looked how much waits for clients of a role with a limit of its own.
const pendingInterval = time.Second

// watchPending disconnects clients for which more waits than their role allows, until quit is closed. The server itself knows one limit
// for all, Options.MaxPending, which it enforces at once.
func (s *Server) watchPending(quit <-chan struct{}) {
	ticker := time.NewTicker(pendingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-quit:
			return
		}
		if s.Alone() {
			continue
		}
		for _, id := range s.overPending() {
			if s.nats.DisconnectClientByID(id) == nil {
				s.settings.Logger.Warn("disconnected a client that does not read what its role lets wait for it", "client", id)
			}
		}
	}
}

// open returns the connections that are open now, authenticated or not.
func (s *Server) open() []*server.ConnInfo {
	open, err := s.nats.Connz(&server.ConnzOptions{Username: true, Limit: s.settings.MaxConnections + busConnections})
	if err != nil {
		return nil // there are no options that it could refuse
	}
	return open.Conns
}

// overPending returns the connections for which too much waits.
func (s *Server) overPending() (ids []uint64) {
	for _, conn := range s.open() {
		name, _ := strings.CutPrefix(conn.Account, roleAccount(""))
		if role := s.settings.roles[name]; role != nil && role.MaxPending > 0 && int64(conn.Pending) > role.MaxPending {
			ids = append(ids, conn.Cid)
		}
	}
	return ids
}
