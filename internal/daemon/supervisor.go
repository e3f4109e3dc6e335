package daemon

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"
)

// Supervisor tells systemd how the process is doing, by its protocol sd_notify: a datagram of KEY=value lines to a unix socket. Without
// systemd, or in a service that did not ask for it, nobody is told and nothing is done. A message that cannot be sent is logged: that
// the service manager is not reachable is no reason to end.
type Supervisor struct {
	socket   string        // empty: nobody asks
	watchdog time.Duration // 0: no watchdog
	logger   *slog.Logger
}

// NewSupervisor returns what the environment says: NOTIFY_SOCKET, and WATCHDOG_USEC if WATCHDOG_PID is this process or absent.
func NewSupervisor(getenv func(string) string, pid int, logger *slog.Logger) *Supervisor {
	s := &Supervisor{socket: getenv("NOTIFY_SOCKET"), logger: logger}
	if whose := getenv("WATCHDOG_PID"); whose != "" && whose != strconv.Itoa(pid) {
		return s
	}
	if usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 && usec <= maxWatchdog.Microseconds() {
		s.watchdog = time.Duration(usec) * time.Microsecond
	}
	return s
}

// maxWatchdog bounds the watchdog's time: what is longer is no number that somebody means.
const maxWatchdog = 24 * time.Hour

// Ready says that the process does what it is there for: the start of the service, or its reload, is complete.
func (s *Supervisor) Ready() { s.tell("READY=1") }

// Reloading says that the configuration is being read again. Ready ends it.
func (s *Supervisor) Reloading() { s.tell("RELOADING=1") }

// Reload says that before f, and after f that the process is ready: what "systemctl reload" waits for.
func (s *Supervisor) Reload(f func()) {
	s.Reloading()
	defer s.Ready()
	f()
}

// Stopping says that the process is about to end.
func (s *Supervisor) Stopping() { s.tell("STOPPING=1") }

// Watch says that the process is alive, twice in the time after which systemd would restart it, until stop is called. Each time it first
// calls alive: while that hangs, nothing is said. stop waits for it. Without a watchdog nothing is done.
func (s *Supervisor) Watch(alive func()) (stop func()) {
	if s.socket == "" || s.watchdog == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		ticker := time.NewTicker(s.watchdog / 2)
		defer ticker.Stop()
		for {
			alive()
			s.tell("WATCHDOG=1")
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
	return func() { cancel(); watching.Wait() }
}

// tell sends a message. A name that begins with @ is one in the abstract namespace, to Go as to systemd.
func (s *Supervisor) tell(message string) {
	if s.socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.socket, Net: "unixgram"})
	if err == nil {
		defer conn.Close()
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second)) // a full queue must not stop the program
		_, err = conn.Write([]byte(message))
	}
	if err != nil {
		s.logger.Warn("cannot tell the service manager", "message", message, "error", err)
	}
}
