package natsbus_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// buildNATSServer builds the stock nats-server of the module's own dependency, once.
var buildNATSServer = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "nats-server").Output()
	if err != nil {
		return "", err
	}
	return string(out[:len(out)-1]), nil
})

// natsServer is a nats-server process.
type natsServer struct {
	url     string
	process *os.Process
}

// startNATSServer starts a stock nats-server as a process of its own and returns when it listens. Port -1 chooses one.
func startNATSServer(t testing.TB, port string) natsServer {
	t.Helper()
	program, err := buildNATSServer()
	require.NoError(t, err)
	dir := t.TempDir()
	cmd := exec.Command(program, "-a", "127.0.0.1", "-p", port, "--ports_file_dir", dir)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended in the test
		_ = cmd.Wait()
	})
	server := natsServer{process: cmd.Process}
	require.Eventually(t, func() bool {
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
		server.url = ports.NATS[0]
		return true
	}, patience, 5*time.Millisecond)
	return server
}
