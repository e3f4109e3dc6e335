//go:build unix

package daemon_test

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/daemon"
)

// patience bounds what is waited for.
const patience = 20 * time.Second

// manager is systemd's end of the socket.
type manager struct {
	t    testing.TB
	name string
	conn *net.UnixConn
}

func listen(t testing.TB, name string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return &manager{t: t, name: name, conn: conn}
}

func (m *manager) environment(more map[string]string) func(string) string {
	return func(name string) string {
		if name == "NOTIFY_SOCKET" {
			return m.name
		}
		return more[name]
	}
}

// next returns the next message.
func (m *manager) next() string {
	m.t.Helper()
	require.NoError(m.t, m.conn.SetReadDeadline(time.Now().Add(patience)))
	buffer := make([]byte, 256)
	n, err := m.conn.Read(buffer)
	require.NoError(m.t, err)
	return string(buffer[:n])
}

func TestTheServiceManagerIsTold(t *testing.T) {
	names := []string{filepath.Join(shortDir(t), "notify")}
	if runtime.GOOS == "linux" {
		names = append(names, "@eventbus-test-"+strconv.Itoa(os.Getpid())) // abstract
	}
	for _, name := range names {
		m := listen(t, name)
		s := daemon.NewSupervisor(m.environment(nil), os.Getpid(), slog.New(slog.DiscardHandler))
		s.Watch(func() { require.Fail(t, "there is no watchdog") })()
		s.Ready()
		s.Reloading()
		s.Ready()
		s.Stopping()
		for _, want := range []string{"READY=1", "RELOADING=1", "READY=1", "STOPPING=1"} {
			require.Equal(t, want, m.next())
		}
	}
}

func TestTheWatchdogHearsOfWhatIsAlive(t *testing.T) {
	m := listen(t, filepath.Join(shortDir(t), "notify"))
	s := daemon.NewSupervisor(m.environment(map[string]string{
		"WATCHDOG_USEC": "20000", "WATCHDOG_PID": strconv.Itoa(os.Getpid()),
	}), os.Getpid(), slog.New(slog.DiscardHandler))
	asked, n := make(chan int), 0
	stop := s.Watch(func() { n++; asked <- n })
	for want := 1; want <= 3; want++ {
		require.Equal(t, want, <-asked)
		require.Equal(t, "WATCHDOG=1", m.next())
	}
	// It hangs in the next question: the message after three of them is another one.
	s.Stopping()
	require.Equal(t, "STOPPING=1", m.next())
	ended := make(chan struct{})
	go func() { defer close(ended); stop() }()
	for {
		select {
		case <-asked: // at once, and once more if the next time had come
		case <-ended:
			return
		}
	}
}

func TestAWatchdogOfAnotherProcessIsNone(t *testing.T) {
	m := listen(t, filepath.Join(shortDir(t), "notify"))
	for _, environment := range []map[string]string{
		{"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "-1"}, {"WATCHDOG_USEC": "9223372036854775807"},
	} {
		s := daemon.NewSupervisor(m.environment(environment), os.Getpid(), slog.New(slog.DiscardHandler))
		s.Watch(func() { require.Fail(t, "there is no watchdog", environment) })()
	}
}

func TestAServiceManagerThatIsNotThereIsLogged(t *testing.T) {
	var log bytes.Buffer
	missing := filepath.Join(shortDir(t), "notify")
	s := daemon.NewSupervisor((&manager{name: missing}).environment(nil), os.Getpid(), slog.New(slog.NewTextHandler(&log, nil)))
	s.Ready()
	require.Contains(t, log.String(), "cannot tell the service manager")
	require.Contains(t, log.String(), "READY=1")
	log.Reset()
	daemon.NewSupervisor(func(string) string { return "" }, os.Getpid(), slog.New(slog.NewTextHandler(&log, nil))).Ready()
	require.Empty(t, log.String())
}

// shortDir returns a directory that is not too long for a socket.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ed")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}
