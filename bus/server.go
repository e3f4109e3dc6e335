package bus

// ServerStatistics is a snapshot of a server in this process.
type ServerStatistics struct {
	// Clients is the number of authenticated clients, without the bus of this process.
	Clients int `json:"clients"`
	// Subscriptions is the number of subscriptions at the server, those that buses and the server make for themselves included.
	Subscriptions int `json:"subscriptions"`
	// SlowClients counts the clients that were disconnected because they did not read.
	SlowClients uint64 `json:"slow_clients"`
}

// ServerCounter is implemented by a bus that may have its server in this process.
type ServerCounter interface {
	// ServerStatistics returns a snapshot, or false if the server is in another process or there is none. It may be called from
	// any goroutine.
	ServerStatistics() (ServerStatistics, bool)
}
