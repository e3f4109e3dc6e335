// Package natsprocess runs the stock nats-server, of the version in go.mod, as a process of its own for tests.
package natsprocess

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds the wait for a server to start.
const patience = 20 * time.Second

// Variables that the configuration files of tests have for ports, which Restart keeps as they were.
const (
	LeafPort    = "LEAF_PORT"
	ClusterPort = "CLUSTER_PORT"
)

// build makes the program, once, and returns where it is.
var build = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "tool", "-n", "nats-server").Output()
	return strings.TrimSpace(string(out)), err
})

// Server is a nats-server process on loopback.
type Server struct {
	URL string
	// Leaf and Cluster are the addresses of those listeners, empty without them. They are known of a server with a configuration.
	Leaf, Cluster string

	cmd     *exec.Cmd
	config  string
	env     []string
	monitor string // URL, empty without a configuration
}

// Start starts a server and returns when it listens. Port -1 chooses one. The test's cleanup ends it.
func Start(t testing.TB, port string) *Server { return start(t, port, "", nil) }

// StartConfig starts a server with a configuration file and variables for it, each as NAME=value. Its clients come in on a port that
// it chooses, whatever the file says, and so do those who look after it.
func StartConfig(t testing.TB, config string, env ...string) *Server {
	return start(t, "-1", config, env)
}

func start(t testing.TB, port, config string, env []string) *Server {
	t.Helper()
	program, err := build()
	require.NoError(t, err)
	dir := t.TempDir()
	args := []string{"-a", "127.0.0.1", "-p", port, "--ports_file_dir", dir}
	if config != "" {
		args = append(args, "-c", config, "-m", "-1")
	}
	s := &Server{cmd: exec.Command(program, args...), config: config, env: env}
	s.cmd.Env = append(os.Environ(), env...)
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	s.cmd.Stderr = log
	require.NoError(t, errors.Join(s.cmd.Start(), log.Close()))
	t.Cleanup(s.Kill)
	ready := func() bool { return s.readPorts(dir) }
	for deadline := time.Now().Add(patience); !ready(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			require.Fail(t, "nats-server does not start", "%s", said)
		}
	}
	if config != "" {
		s.readListeners(t)
	}
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
		NATS       []string `json:"nats"`
		Monitoring []string `json:"monitoring"`
	}
	if json.Unmarshal(data, &ports) != nil || len(ports.NATS) == 0 {
		return false
	}
	s.URL = ports.NATS[0]
	if len(ports.Monitoring) > 0 {
		s.monitor = ports.Monitoring[0]
	}
	return s.config == "" || s.monitor != ""
}

// readListeners asks the server for the ports that are not in that file.
func (s *Server) readListeners(t testing.TB) {
	t.Helper()
	var listeners struct {
		Leaf    struct{ Port int }
		Cluster struct {
			Port int `json:"cluster_port"`
		}
	}
	s.ask(t, "varz", &listeners)
	if port := listeners.Leaf.Port; port > 0 {
		s.Leaf = "127.0.0.1:" + strconv.Itoa(port)
		s.env = append(slices.Clip(s.env), LeafPort+"="+strconv.Itoa(port))
	}
	if port := listeners.Cluster.Port; port > 0 {
		s.Cluster = "127.0.0.1:" + strconv.Itoa(port)
		s.env = append(slices.Clip(s.env), ClusterPort+"="+strconv.Itoa(port))
	}
}

// ask reads what the server says about itself, which it must have been started with a configuration for.
func (s *Server) ask(t testing.TB, what string, answer any) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(s.monitor + "/" + what)
	require.NoError(t, err)
	defer response.Body.Close()
	require.NoError(t, json.NewDecoder(response.Body).Decode(answer))
}

// Clients returns the names of the connections of clients.
func (s *Server) Clients(t testing.TB) (names []string) {
	t.Helper()
	var answer struct{ Connections []struct{ Name string } }
	s.ask(t, "connz", &answer)
	for _, c := range answer.Connections {
		names = append(names, c.Name)
	}
	return names
}

// Routes returns the number of other servers of the cluster that this one is connected with.
func (s *Server) Routes(t testing.TB) int {
	t.Helper()
	var answer struct {
		Routes []struct {
			ID string `json:"remote_id"`
		}
	}
	s.ask(t, "routez", &answer)
	others := make(map[string]bool) // each has several routes
	for _, r := range answer.Routes {
		others[r.ID] = true
	}
	return len(others)
}

// Groups returns how many queue groups the server knows that want messages of a subject, be it here or behind a route.
func (s *Server) Groups(t testing.TB, subject string) int {
	t.Helper()
	type holder struct {
		Subscriptions []struct {
			Group   string `json:"qgroup"`
			Subject string
		} `json:"subscriptions_list_detail"`
	}
	var here struct{ Connections []holder }
	var behind struct{ Routes []holder }
	s.ask(t, "connz?subs=detail", &here)
	s.ask(t, "routez?subs=detail", &behind)
	groups := make(map[string]bool)
	for _, h := range append(here.Connections, behind.Routes...) {
		for _, sub := range h.Subscriptions {
			if sub.Group != "" && sub.Subject == subject {
				groups[sub.Group] = true
			}
		}
	}
	return len(groups)
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

// Restart starts another server on the ports of this one, which has been killed.
func (s *Server) Restart(t testing.TB) *Server {
	t.Helper()
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	return start(t, u.Port(), s.config, s.env)
}
