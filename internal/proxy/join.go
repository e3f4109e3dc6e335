package proxy

import (
	"net"
	"time"
)

const (
	// bufferSize is how much is read at once, in bytes: a connection has such a buffer for each direction.
	bufferSize = 32 << 10
	// linger is how long one half of a connection may outlast the other. The last words of a server that refuses a client come in it.
	linger = 2 * time.Second
)

// conn is what both sides of the proxy are.
type conn interface {
	net.Conn
	CloseWrite() error
}

// join copies in both directions until both have ended. The end of one half is passed on, and the other may then go on for a while.
func (p *Proxy) join(client, server conn) {
	cut := func() { _, _ = client.Close(), server.Close() } // also of what has ended by itself
	ended := make(chan struct{}, 2)
	for _, half := range []struct{ to, from conn }{{server, client}, {client, server}} {
		p.running.Go(func() {
			p.copy(half.to, half.from, cut)
			ended <- struct{}{}
		})
	}
	<-ended
	patience := time.AfterFunc(linger, cut)
	defer patience.Stop()
	<-ended
}

// copy copies until from ends, and then ends that half of to. If the first bytes do not come in time, or a write fails, it cuts both:
// what comes from there goes nowhere, so the other half has no purpose either.
func (p *Proxy) copy(to, from conn, cut func()) {
	handshake := time.AfterFunc(p.options.HandshakeTimeout, cut)
	defer handshake.Stop()
	buffer := make([]byte, bufferSize)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			handshake.Stop()
			_ = to.SetWriteDeadline(time.Now().Add(p.options.WriteDeadline)) // fails as the write does
			if _, err := to.Write(buffer[:n]); err != nil {
				cut()
				return
			}
		}
		if err != nil {
			_ = to.CloseWrite() // fails if both are cut
			return
		}
	}
}
