package collect

// ParseSockets returns how many sockets a datagram holds, and whether it is the last one.
func ParseSockets(datagram []byte) (int, bool, error) {
	sockets := make(map[connectionKey]socket)
	done, err := parseSockets(datagram, sockets)
	return len(sockets), done, err
}
