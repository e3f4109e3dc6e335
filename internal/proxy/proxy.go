// Package proxy opens a loopback port in front of the unix socket of an embedded server, for NATS clients that cannot dial one.
//
// # Use
//
//	p, err := proxy.Listen(ctx, "127.0.0.1:0", &proxy.Options{Socket: socket})
//	fmt.Println(p.URL())
//	err = p.Serve(ctx)
//
// # Trust
//
// Everybody on the host can dial the port, and the server knows who dials its socket: the proxy. If it counted the connections as the
// proxy's, the port would be an open door to the role of its user. So the proxy announces each connection as somebody else's, with one
// byte before all others ([rendezvous.Forwarded]). The server then gives it no role for its user, just as if it had come in by a listener
// of its own; the client authenticates with an nkey, whose nonce passes through untouched. After that byte the proxy copies and
// understands nothing, so it has no secret to lose. A second socket beside the first would do the same, but needs a name that is not
// too long, a lock and a lifetime of its own; and towards a server that does not know the byte, the proxy fails closed.
//
// # Limits
//
// Connections are bounded, and fewer by default than the server takes, so that a flood of them leaves room for those who dial the
// socket. A client must send something soon after the server has greeted it; the server then has its own deadline for who has not
// authenticated. Writes have a deadline, and so has the time that one half of a connection outlasts the other.
//
// # Concurrency
//
// Serve is called once. It ends with its context, and nothing of the proxy is left then. Whether the server comes and goes does not
// matter: each connection dials it anew.
package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// Options are the settings of a proxy. All but Socket may be zero.
type Options struct {
	// Socket is the path of the server's socket.
	Socket string
	// ServerUser is the uid that the server may have beside this user's own and root's; 0 is no other.
	ServerUser int
	// MaxConnections is the number of clients at a time; 0 is 64. Those beyond it are turned away.
	MaxConnections int
	// HandshakeTimeout is how long a client may take for its first byte, and the server for its own; 0 is five seconds.
	HandshakeTimeout time.Duration
	// WriteDeadline bounds a write to either side; 0 is ten seconds.
	WriteDeadline time.Duration
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

const (
	defaultMaxConnections   = 64
	defaultHandshakeTimeout = 5 * time.Second
	defaultWriteDeadline    = 10 * time.Second

	// complaintInterval is the least time between two log lines about connections that failed.
	complaintInterval = time.Second
	// acceptPause is the wait after an accept that failed, for instance because there are no file descriptors left.
	acceptPause = 50 * time.Millisecond
)

// Proxy is a port in front of a socket. Make one with [Listen], and run it with [Proxy.Serve].
type Proxy struct {
	options  Options
	listener *net.TCPListener
	slots    chan struct{}
	running  sync.WaitGroup // two goroutines for each connection

	complaints rate.Sometimes
	failed     uint64 // connections; only the accept loop uses it
}

// Listen takes the port. The address must be a loopback one with a port, 0 for a free one: localhost or an IP address, since what other
// names mean is somebody else's decision.
func Listen(ctx context.Context, address string, options *Options) (*Proxy, error) {
	host, port, err := split(address)
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	p := &Proxy{options: *options, listener: listener.(*net.TCPListener), complaints: rate.Sometimes{Interval: complaintInterval}}
	o := &p.options
	o.MaxConnections = cmp.Or(o.MaxConnections, defaultMaxConnections)
	o.HandshakeTimeout = cmp.Or(o.HandshakeTimeout, defaultHandshakeTimeout)
	o.WriteDeadline = cmp.Or(o.WriteDeadline, defaultWriteDeadline)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	p.slots = make(chan struct{}, o.MaxConnections)
	return p, nil
}

// CheckAddress returns an error unless [Listen] may listen there.
func CheckAddress(address string) error {
	_, _, err := split(address)
	return err
}

func split(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, ipErr := netip.ParseAddr(host)
	_, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || ipErr != nil || portErr != nil || !ip.IsLoopback() {
		return "", "", fmt.Errorf("%q must be a loopback address and a port, such as 127.0.0.1:4222", address)
	}
	return host, port, nil
}

// URL returns the address of the port, such as nats://127.0.0.1:4222.
func (p *Proxy) URL() string { return "nats://" + p.listener.Addr().String() }

// Close gives the port up without [Proxy.Serve].
func (p *Proxy) Close() error { return p.listener.Close() }

// Serve takes connections until ctx ends, then cuts them and closes the port. It returns an error only if that fails.
func (p *Proxy) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	closed := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { closed <- p.listener.Close() })
	defer stop()
	for ctx.Err() == nil {
		client, err := p.listener.AcceptTCP()
		switch {
		case err == nil:
			p.take(ctx, client)
		case ctx.Err() == nil:
			if soFar, say := p.complain(); say {
				p.options.Logger.Warn("refused a connection to the proxy", "reason", "cannot accept", "error", err, "so_far", soFar)
			}
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
		}
	}
	p.running.Wait()
	if err := <-closed; err != nil {
		return err
	}
	return nil
}

// take serves a client on goroutines of its own.
func (p *Proxy) take(ctx context.Context, client *net.TCPConn) {
	select {
	case p.slots <- struct{}{}:
	default:
		_ = client.Close()
		if soFar, say := p.complain(); say {
			p.options.Logger.Warn("refused a connection to the proxy", "reason", "too many connections", "limit", p.options.MaxConnections, "so_far", soFar)
		}
		return
	}
	p.running.Go(func() {
		defer func() { <-p.slots }()
		defer client.Close()
		server, err := p.dial(ctx)
		if err != nil {
			if ctx.Err() == nil {
				p.options.Logger.Debug("cannot reach the server", "socket", p.options.Socket, "error", err)
			}
			return
		}
		defer server.Close()
		stop := context.AfterFunc(ctx, func() { _, _ = client.Close(), server.Close() })
		defer stop()
		p.join(client, server)
	})
}

// complain counts a connection that failed, and reports whether to log it, which is once a second. Only the accept loop calls it.
func (p *Proxy) complain() (soFar uint64, say bool) {
	p.failed++
	p.complaints.Do(func() { say = true })
	return p.failed, say
}

// dial connects to the server, in the name of nobody.
func (p *Proxy) dial(ctx context.Context) (*net.UnixConn, error) {
	server, err := rendezvous.Dial(ctx, p.options.Socket, p.options.HandshakeTimeout, p.options.ServerUser)
	if err != nil {
		return nil, err
	}
	if _, err := server.Write([]byte{rendezvous.Forwarded}); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server, nil
}
