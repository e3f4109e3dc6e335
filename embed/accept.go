package embed

import (
	"errors"
	"log/slog"
	"net"
	"os"
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
		if uid, pid, ok := admit(client); !ok {
			refusals.add("of another user", "uid", uid, "pid", pid)
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
			s.serve(client)
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

// admit says whether a client of the socket may try to authenticate. Where the kernel can tell who it is and does not, it may
// not.
func admit(client net.Conn) (uid, pid int, ok bool) {
	if !rendezvous.PeerCredentialsSupported {
		return 0, 0, true
	}
	uid, pid, ok = rendezvous.PeerCredentials(client)
	return uid, pid, ok && mayEnter(uid, os.Geteuid())
}

// mayEnter lets in the user that the server runs as, and root, whom nothing keeps out anyway.
func mayEnter(uid, server int) bool { return uid == server || uid == 0 }

// serve connects a client of the socket to the server until either ends.
func (s *Server) serve(client *net.UnixConn) {
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
	relay(client, upstream, s.settings.WriteDeadline)
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
