// Package faultproxy puts a bad network between real clients and a real server, for tests of what happens then.
//
//	p, err := faultproxy.Listen(faultproxy.TCP("127.0.0.1:0"), faultproxy.Unix(socket))
//	defer p.Close()
//	conn, err := nats.Connect("nats://" + p.Addr())
//	p.Stall()
//
// # Forwarding
//
// Each connection that is accepted gets one to the target, which is dialled then; if that fails, the client's is closed. What
// ends one side reaches the other behind the bytes before it: an end of the stream as such, which leaves the other direction
// open, and any failure as a reset.
//
// # Faults
//
// [Proxy.SetLatency], [Proxy.SetBandwidth], [Proxy.Stall] and [Proxy.Resume] say how bytes travel, on every connection and
// from now on, those included that are under way. [Proxy.Reset], [Proxy.Cut] and [Proxy.CutAfter] end the connections that
// the proxy has accepted. A client may be connected before that: who needs to know waits for [Proxy.Connections] or for a
// first byte. [Proxy.Refuse] and [Proxy.CutNextAfter] are about connections that the proxy has yet to accept.
//
// # Bounds
//
// At most 256 KiB, in 1,024 pieces, are under way in each direction of a connection. The sender waits for room, so no more than
// 256 KiB go through per latency, as with the window of a real connection. There are at most 1,024 connections; those beyond
// are refused.
//
// # Concurrency
//
// All methods may be called from any goroutine, at any time; after Close they do nothing. Only Close, Reset and Cut wait, for
// goroutines of the proxy and never for a peer.
package faultproxy

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

const maxConnections = 1024

// Endpoint is a place to listen at or to connect to. [TCP] and [Unix] make one.
type Endpoint struct{ network, address string }

// TCP returns the endpoint of an address such as 127.0.0.1:4222. To listen at port 0 chooses a free one.
func TCP(address string) Endpoint { return Endpoint{"tcp", address} }

// Unix returns the endpoint of a unix socket.
func Unix(path string) Endpoint { return Endpoint{"unix", path} }

// Proxy forwards connections as badly as it is told to. [Listen] makes one.
type Proxy struct {
	listener   net.Listener
	target     Endpoint
	conditions atomic.Pointer[conditions] // written under mu
	running    sync.WaitGroup

	mu      sync.Mutex // guards what follows
	links   map[*link]struct{}
	nextCut *int64 // of CutNextAfter, until a connection takes it
	refuse  bool
	closed  bool
}

// Listen starts a proxy that forwards at once and without limits. The target need not exist yet. It returns an error that
// names the address if nobody can listen there.
func Listen(at, target Endpoint) (*Proxy, error) {
	if target == (Endpoint{}) {
		return nil, errors.New("faultproxy: no target")
	}
	listener, err := net.Listen(at.network, at.address)
	if err != nil {
		return nil, fmt.Errorf("faultproxy: %w", err)
	}
	p := &Proxy{listener: listener, target: target, links: map[*link]struct{}{}}
	p.conditions.Store(&conditions{changed: make(chan struct{})})
	p.running.Go(p.accept)
	return p, nil
}

// Addr returns where the proxy listens: host:port, or the path of a unix socket.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Connections returns how many connections have been accepted and are not over, those included that wait for Resume.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Close ends the listener and all connections, discards what is under way, and returns when every goroutine of the proxy has
// ended. It may be called more than once.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	for _, l := range p.current() {
		l.end(abandon)
	}
	p.running.Wait()
	if err == nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("faultproxy: %w", err)
}

// Refuse says whether new connections are closed at once. Those that exist are left alone.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// Reset cuts all current connections on both sides: TCP connections with a reset, unix sockets by closing them. What is under
// way is lost. It returns when they are over.
func (p *Proxy) Reset() { p.endAll(reset) }

// Cut ends all current connections on both sides in an orderly way: the peers see the end of the stream, perhaps in the middle
// of a message. It returns when they are over. A peer sees a reset instead if it is so slow that the kernel holds bytes for it
// back, and has itself sent some that are unread: that is how programs that exit appear, too.
func (p *Proxy) Cut() { p.endAll(orderly) }

// CutAfter resets each current connection when n more bytes have been forwarded to its client; with 0 it does so at once. It
// takes the place of an earlier CutAfter. A piece that is being written when it is called is not among the n.
//
// The client finds exactly n bytes and then an error, unless it reads so slowly that the kernel still holds some of them back:
// a reset destroys those.
func (p *Proxy) CutAfter(n int64) {
	for _, l := range p.current() {
		l.cutAfter(n)
	}
}

// CutNextAfter is CutAfter for the next connection that is accepted, and only for that one. With 0, its client may not even
// get to know that it was connected.
func (p *Proxy) CutNextAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nextCut = &n
}

func (p *Proxy) current() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.links))
}

func (p *Proxy) endAll(how func(stream)) {
	links := p.current()
	for _, l := range links {
		l.end(how)
	}
	for _, l := range links {
		<-l.over
	}
}

func (p *Proxy) accept() {
	// If accepting fails, as it does without free file descriptors, clients had better see that nobody listens.
	defer p.listener.Close()
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		client := conn.(stream)
		if l := p.admit(client); l != nil {
			p.running.Go(func() { p.serve(l) })
		} else {
			orderly(client)
		}
	}
}

// admit returns nil for a client that is refused.
func (p *Proxy) admit(client stream) *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refuse || len(p.links) >= maxConnections {
		return nil
	}
	l := newLink(client)
	if p.nextCut != nil {
		l.cutAfter(*p.nextCut)
		p.nextCut = nil
	}
	p.links[l] = struct{}{}
	return l
}

func (p *Proxy) serve(l *link) {
	defer close(l.over)
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.links, l)
	}()
	defer l.end(orderly)
	for now := p.conditions.Load(); now.stalled; now = p.conditions.Load() {
		if !now.wait(l.alive, nil) {
			return
		}
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(l.alive, p.target.network, p.target.address)
	if err == nil && l.attach(conn.(stream)) {
		l.run(&p.conditions)
	}
}
