// Package natsprocess runs the stock nats-server, of the version in go.mod, as a process of its own for tests.
package natsprocess

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds the wait for a server to start.
const patience = 20 * time.Second

// build makes the program, once, and returns where it is.
var build = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "nats-server").Output()
	return strings.TrimSpace(string(out)), err
})

// Server is a nats-server process on loopback.
type Server struct {
	URL string
	cmd *exec.Cmd
}

// Start starts a server and returns when it listens. Port -1 chooses one. The test's cleanup ends it.
func Start(t testing.TB, port string) *Server {
	t.Helper()
	program, err := build()
	require.NoError(t, err)
	dir := t.TempDir()
	s := &Server{cmd: exec.Command(program, "-a", "127.0.0.1", "-p", port, "--ports_file_dir", dir)}
	require.NoError(t, s.cmd.Start())
	t.Cleanup(s.Kill)
	require.Eventually(t, func() bool { return s.readPorts(dir) }, patience, 5*time.Millisecond)
	return s
}

// readPorts reads the file that the server writes when it listens.
func (s *Server) readPorts(dir string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.ports"))
	if err != nil || len(files) != 1 {
		return false
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		return false
	}
	var ports struct {
		NATS []string `json:"nats"`
	}
	if json.Unmarshal(data, &ports) != nil || len(ports.NATS) == 0 {
		return false
	}
	s.URL = ports.NATS[0]
	return true
}

// Kill kills the process as kill -9 does, and waits for its end. Twice is fine.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// Signal sends a signal to the process.
func (s *Server) Signal(t testing.TB, signal os.Signal) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(signal))
}

// Address returns host and port.
func (s *Server) Address(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	return u.Host
}

// Restart starts another server on the port of this one, which has been killed.
func (s *Server) Restart(t testing.TB) *Server {
	t.Helper()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	return Start(t, u.Port())
}
