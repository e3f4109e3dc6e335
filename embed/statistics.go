package embed

import "github.com/daemoneye/eventbus/bus"

// Statistics returns a snapshot. It does not block the server.
func (s *Server) Statistics() bus.ServerStatistics {
	return bus.ServerStatistics{
		Clients: s.Clients(), Subscriptions: int(s.nats.NumSubscriptions()), SlowClients: uint64(s.nats.NumSlowConsumers()),
	}
}
