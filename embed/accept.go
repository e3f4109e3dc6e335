package embed

import (
	"errors"
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
	refusals := &refusals{every: rate.Sometimes{Interval: refusalInterval}}
	logger := s.settings.Logger
	slots := make(chan struct{}, s.settings.MaxConnections)
	for {
		client, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			if soFar, say := refusals.add(); say {
				logger.Warn("refused a connection to the event bus", "reason", "cannot accept", "error", err, "so_far", soFar)
			}
			if !s.pause(acceptPause) {
				return
			}
			continue
		}
		user, uid, pid := s.admit(client)
		if user == nil {
			if soFar, say := refusals.add(); say {
				logger.Warn("refused a connection to the event bus", "reason", "of a user without a role", "uid", uid, "pid", pid, "so_far", soFar)
			}
			_ = client.Close()
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			if soFar, say := refusals.add(); say {
				logger.Warn("refused a connection to the event bus", "reason", "too many connections", "limit", s.settings.MaxConnections, "so_far", soFar)
			}
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

// refusals counts the connections that were turned away. Only the accept loop uses it.
type refusals struct {
	every rate.Sometimes
	total uint64
}

// add counts one, and reports whether to log it, which is once a second.
func (r *refusals) add() (soFar uint64, say bool) {
	r.total++
	r.every.Do(func() { say = true })
	return r.total, say
}
