package embed

import (
	"net"
	"sync"
	"time"
)

const (
	// relayRead is how much is read at once, in bytes: a connection has such a buffer for each direction.
	relayRead = 32 << 10
	// relayPending bounds what waits for a client beside that, in bytes. Up to twice as much is allocated.
	relayPending = 64 << 10
)

// relay copies in both directions between a client and the server until either side ends, and closes both. A write to the
// client has a deadline.
//
// The server's side may end first, with its last words still on their way to the client. So only those who bring them close
// the client's side.
func relay(client, upstream net.Conn, writeDeadline time.Duration) {
	var workers sync.WaitGroup
	workers.Go(func() {
		copyAll(client, func(p []byte) bool {
			_, err := upstream.Write(p)
			return err == nil
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
	_ = client.Close()
	_ = upstream.Close()
	workers.Wait()
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
