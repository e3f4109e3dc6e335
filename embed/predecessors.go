package embed

import "strings"

// endPredecessors ends the other connections of the role whose names begin like that, those of a bus that has given them up. What it sent
// there may still be under way, and must not come after what it says on its new connection: that it was lost.
func (s *Server) endPredecessors(role, connection string, id uint64) {
	for _, conn := range s.open() {
		if conn.Cid != id && conn.Account == roleAccount(role) && strings.HasPrefix(conn.Name, connection) {
			_ = s.nats.DisconnectClientByID(conn.Cid) // it fails if that has ended by itself
		}
	}
}
