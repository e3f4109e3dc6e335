package embed

import (
	"errors"
	"log/slog"
	"net"
	"time"

	"golang.org/x/time/rate"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

const (
	// refusalInterval is the least time between two log lines about connections that were refused.
	refusalInterval = time.Second
	// acceptPause is the wait after an accept that failed, for instance because there are no file descriptors left.
	acceptPause = 50 * time.Millisecond
)

// accept takes the connections of the unix socket until its listener is closed. It is called once.
func (s *Server) accept(listener *net.UnixListener) {
	refusals := &refusals{logger: s.settings.Logger, every: rate.Sometimes{Interval: refusalInterval}}
	slots := make(chan struct{}, s.settings.MaxConnections)
	for {
		client, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			refusals.add("cannot accept", "error", err)
			if !s.pause(acceptPause) {
				return
			}
			continue
		}
		user, uid, pid := s.admit(client)
		if user == nil {
			refusals.add("of a user without a role", "uid", uid, "pid", pid)
			_ = client.Close()
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			refusals.add("too many connections", "limit", s.settings.MaxConnections)
			_ = client.Close()
			continue
		}
		s.workers.Go(func() {
			defer func() { <-slots }()
			s.serve(client, user)
		})
	}
}

// pause returns false if the server is stopping.
func (s *Server) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
	return s.conns.open()
}

// admit returns the role of the user at the other end of the socket, nil if that one has none. Where the kernel could say who it is
// and does not, nobody has.
func (s *Server) admit(client net.Conn) (user *role, uid, pid int) {
	if !rendezvous.PeerCredentialsSupported {
		return s.auth.user, 0, 0 // the directory is the guard
	}
	uid, pid, ok := rendezvous.PeerCredentials(client)
	if !ok {
		return nil, uid, pid
	}
	return s.settings.userRole(uid), uid, pid
}

// serve connects a client of the socket to the server until either ends.
func (s *Server) serve(client *net.UnixConn, user *role) {
	if !s.conns.add(client) {
		_ = client.Close()
		return
	}
	defer s.conns.remove(client)
	upstream, err := s.nats.InProcessConn()
	if err != nil { // the server is stopping
		_ = client.Close()
		return
	}
	id, greeting, err := readGreeting(upstream)
	if err != nil {
		_ = client.Close()
		_ = upstream.Close()
		return
	}
	s.auth.arrive(id, user)
	defer s.auth.leave(id)
	forwarded := func() { s.auth.arrive(id, nil) }
	relay(client, &greetedConn{Conn: upstream, greeting: greeting}, s.settings.WriteDeadline, forwarded)
}

// refusals counts the connections that were turned away and logs one a second. Only the accept loop uses it.
type refusals struct {
	logger *slog.Logger
	every  rate.Sometimes
	total  uint64
}

func (r *refusals) add(reason string, details ...any) {
	r.total++
	r.every.Do(func() {
		r.logger.Warn("refused a connection to the event bus: "+reason, append(details, "refused_so_far", r.total)...)
	})
}
