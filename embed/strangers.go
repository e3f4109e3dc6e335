package embed

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

const (
	// strangersShare is the part of all connections that may be of those who have not authenticated yet, one in that many.
	strangersShare = 4
	// strangersInterval is how often it is looked whether there are more of them, and crowdInterval how often while there are.
	strangersInterval = 250 * time.Millisecond
	crowdInterval     = 20 * time.Millisecond
)

// watchStrangers keeps room for those who do authenticate, until quit is closed: when too many connections have not, those that
// have had the most time for it are ended. AuthTimeout alone would let them keep everybody else out for that long. Somebody who is
// let in says who it is within milliseconds.
func (s *Server) watchStrangers(quit <-chan struct{}) {
	ticker := time.NewTicker(strangersInterval)
	defer ticker.Stop()
	told := rate.Sometimes{Interval: refusalInterval}
	for ended := 0; ; {
		select {
		case <-ticker.C:
		case <-quit:
			return
		}
		most := (s.settings.MaxConnections + busConnections) / strangersShare
		if s.nats.NumClients()-s.accounts.connections()-s.accounts.bus.NumLocalConnections() <= most {
			ticker.Reset(strangersInterval)
			continue
		}
		ticker.Reset(crowdInterval)
		strangers := s.strangers()
		for _, id := range strangers[:max(0, len(strangers)-most)] {
			if s.nats.DisconnectClientByID(id) == nil {
				ended++
			}
		}
		told.Do(func() {
			s.settings.Logger.Warn("too many connections that do not authenticate; the oldest are ended", "so_far", ended)
		})
	}
}

// strangers returns the connections that have not authenticated, the oldest first.
func (s *Server) strangers() (ids []uint64) {
	for _, conn := range s.open() {
		if conn.Account != busAccount && !strings.HasPrefix(conn.Account, roleAccount("")) {
			ids = append(ids, conn.Cid)
		}
	}
	slices.Sort(ids) // they are given in turn
	return ids
}
