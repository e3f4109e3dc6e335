package observe

import (
	"net"
	"sync"
)

// limited is a listener that accepts a further connection only when one of a number of them has been closed.
type limited struct {
	net.Listener
	places chan struct{} // one for each connection
	closed chan struct{}
	close  func()
}

func newLimited(listener net.Listener, limit int) *limited {
	l := &limited{Listener: listener, places: make(chan struct{}, limit), closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	return l
}

// Accept implements [net.Listener].
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.places <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &limitedConn{Conn: conn, free: sync.OnceFunc(func() { <-l.places })}, nil
}

// Close implements [net.Listener].
func (l *limited) Close() error {
	l.close()
	return l.Listener.Close()
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	free func()
}

func (c *limitedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
