package embed

import (
	"net"
	"sync"
	"time"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

const (
	// relayRead is how much is read at once, in bytes: a connection has such a buffer for each direction.
	relayRead = 32 << 10
	// relayPending bounds what waits for a client beside that, in bytes. Up to twice as much is allocated.
	relayPending = 64 << 10
	// relayLinger is how long a client may take to close its half of a connection that the server has ended.
	relayLinger = 500 * time.Millisecond
)

// relay copies in both directions between a client and the server until either side ends, and closes both. A write to the
// client has a deadline.
//
// When the server ends a connection, its last words, such as why it refuses the client, are still on their way. The
// client would not read them if it were cut off while it writes. So first only our half is closed, and what the
// client still writes is read and forgotten, until it has closed its half too or lingered for too long.
//
// forwarded is called if the client says that it makes the connection for somebody else, before the server sees anything of what
// comes: see [rendezvous.Forwarded]. It can only say so first, and who is behind it only later, so nobody can take it back.
func relay(client *net.UnixConn, upstream net.Conn, writeDeadline time.Duration, forwarded func()) {
	var workers sync.WaitGroup
	workers.Go(func() {
		first := true
		copyAll(client, func(p []byte) bool {
			if first && p[0] == rendezvous.Forwarded {
				forwarded()
				p = p[1:]
			}
			first = false
			_, _ = upstream.Write(p) // fails after the server's end of it
			return true
		})
		_ = upstream.Close()
	})
	outbound := newGather(relayPending)
	workers.Go(func() {
		copyAll(upstream, outbound.put)
		outbound.end()
	})
	sendAll(client, outbound, writeDeadline)
	outbound.end()
	_ = upstream.Close()
	_ = client.CloseWrite()
	_ = client.SetReadDeadline(time.Now().Add(relayLinger))
	workers.Wait()
	_ = client.Close()
}

// copyAll reads until the connection ends or put returns false. Why it ends does not matter: the other side sees an end in
// any case.
func copyAll(from net.Conn, put func([]byte) bool) {
	buffer := make([]byte, relayRead)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !put(buffer[:n]) || err != nil {
			return
		}
	}
}

// sendAll writes what comes until it ends or a write fails.
func sendAll(client net.Conn, outbound *gather, writeDeadline time.Duration) {
	var buffer []byte
	for {
		if buffer = outbound.take(buffer); len(buffer) == 0 {
			return
		}
		if client.SetWriteDeadline(time.Now().Add(writeDeadline)) != nil {
			return
		}
		if _, err := client.Write(buffer); err != nil {
			return
		}
	}
}
