//go:build !linux

package collect

// readSockets returns nothing: there is no such diagnosis on this system.
func readSockets() (map[connectionKey]socket, error) { return nil, nil }
