package faultproxy

import (
	"context"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
)

// stream is what TCP connections and unix sockets have in common.
type stream interface {
	net.Conn
	CloseWrite() error
}

// abandon closes a connection as the kernel likes it.
func abandon(s stream) { _ = s.Close() }

// reset closes a connection so that its peer sees a reset, if it is one of TCP.
func reset(s stream) {
	if conn, ok := s.(*net.TCPConn); ok {
		_ = conn.SetLinger(0)
	}
	_ = s.Close()
}

// orderly closes a connection so that its peer sees the end of the stream. To close it with unread bytes is a reset. Over TCP it
// comes behind the end and does no harm; a unix socket puts it in front, so its bytes are read: once it is closed for reading,
// there are no more of them than the kernel holds.
func orderly(s stream) {
	_ = s.CloseWrite()
	if conn, ok := s.(*net.UnixConn); ok {
		_ = conn.CloseRead()
		_, _ = io.Copy(io.Discard, conn)
	}
	_ = s.Close()
}

// link is a client and its connection to the target.
type link struct {
	client   stream
	toClient allowance
	alive    context.Context // until the connections are closed
	die      context.CancelFunc
	over     chan struct{} // closed when no goroutine is left

	mu     sync.Mutex // guards server, and closing the connections
	server stream     // nil until it is connected
}

func newLink(client stream) *link {
	l := &link{client: client, toClient: allowance{most: math.MaxInt64}, over: make(chan struct{})}
	l.alive, l.die = context.WithCancel(context.Background())
	return l
}

// end closes both connections, unless that has been done: the first to call it says how.
func (l *link) end(how func(stream)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alive.Err() != nil {
		return
	}
	l.die()
	how(l.client)
	if l.server != nil {
		how(l.server)
	}
}

// attach closes the server's connection and returns false if the link has ended meanwhile.
func (l *link) attach(server stream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alive.Err() != nil {
		abandon(server)
		return false
	}
	l.server = server
	return true
}

func (l *link) cutAfter(n int64) {
	l.toClient.set(n)
	if n <= 0 {
		l.end(reset)
	}
}

// run forwards in both directions until both are over.
func (l *link) run(now *atomic.Pointer[conditions]) {
	up := newFlow(l, l.client, l.server, &allowance{most: math.MaxInt64}, now)
	down := newFlow(l, l.server, l.client, &l.toClient, now)
	var all sync.WaitGroup
	all.Go(up.receive)
	all.Go(func() { up.deliver(down) })
	all.Go(down.receive)
	all.Go(func() { down.deliver(up) })
	all.Wait()
}

// allowance is how many bytes may still be forwarded.
type allowance struct {
	mu   sync.Mutex // guards what follows
	used int64
	most int64
}

func (a *allowance) set(n int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.most = math.MaxInt64
	if n < math.MaxInt64-a.used {
		a.most = a.used + max(0, n)
	}
}

// take grants at most n bytes, and says whether they are the last.
func (a *allowance) take(n int) (granted int, last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	granted = int(min(int64(n), a.most-a.used))
	a.used += int64(granted)
	return granted, a.used == a.most
}
