package interop_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

// collector is a collector that runs, in directories of its own.
type collector struct {
	t           *testing.T
	dir         string
	env         []string // of its clients
	url, socket string
	log         string // a file
	stop        func() // ends it, at the latest when the test ends
}

var urlLine = regexp.MustCompile(`^NATS clients: (nats://127\.0\.0\.1:\d+)`)

// startCollector starts a collector that looks at the host's processes often. It ends with the test.
func startCollector(t *testing.T) *collector {
	t.Helper()
	dir, err := os.MkdirTemp("", "io") // t.TempDir is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	c := &collector{t: t, dir: dir, socket: filepath.Join(dir, "run", "eventbus", "eventbus.sock"), log: filepath.Join(dir, "log")}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "run"), 0o700))
	c.env = append(os.Environ(),
		"XDG_RUNTIME_DIR="+filepath.Join(dir, "run"), "XDG_STATE_HOME="+filepath.Join(dir, "state"), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"),
		"PATH="+tools.bin+string(filepath.ListSeparator)+filepath.Dir(tools.python)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	log, err := os.Create(c.log)
	require.NoError(t, err)
	defer log.Close()
	cmd := exec.Command(filepath.Join(tools.bin, "collector"), "--listen", "127.0.0.1:0")
	cmd.Env, cmd.Stderr = append(c.env, "EVENTBUS_COLLECT__PROCESS_INTERVAL=100ms"), log
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := readLines(out)
	c.stop = sync.OnceFunc(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		for range lines { // the closing table
		}
		require.NoError(t, cmd.Wait(), "the collector ends in order: %s", c.said())
	})
	t.Cleanup(func() {
		c.stop()
		if t.Failed() {
			t.Logf("the collector said:\n%s", c.said())
		}
	})
	for c.url == "" {
		if found := urlLine.FindStringSubmatch(nextLine(t, lines, c.said)); found != nil {
			c.url = found[1]
		}
	}
	return c
}

// said returns what the collector has logged.
func (c *collector) said() string {
	log, err := os.ReadFile(c.log)
	require.NoError(c.t, err)
	return string(log)
}

// seed returns the path of the seed of a role.
func (c *collector) seed(role string) string {
	return filepath.Join(c.dir, "state", "eventbus", "credentials", role+".nk")
}

// attach returns a bus on the socket, in the role that this user has there if role is empty. It ends with the test.
func (c *collector) attach(role string) *natsbus.Bus {
	c.t.Helper()
	options := &natsbus.Options{Name: "test"}
	if role != "" {
		options.Credentials = c.seed(role)
	}
	b, err := natsbus.Attach(waiting(c.t), c.socket, options)
	require.NoError(c.t, err)
	c.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(c.t, b.Shutdown(ctx))
	})
	return b
}

// plain returns a NATS connection in a role. It ends with the test.
func (c *collector) plain(role string, options ...nats.Option) *nats.Conn {
	c.t.Helper()
	key, err := nats.NkeyOptionFromSeed(c.seed(role))
	require.NoError(c.t, err)
	conn, err := nats.Connect(c.url, append(options, key)...)
	require.NoError(c.t, err)
	c.t.Cleanup(conn.Close)
	return conn
}

// reference is what a bus on the socket receives of everything: what the others should have received too.
type reference struct {
	t        *testing.T
	receiver bus.Receiver
	bus      *natsbus.Bus
	events   []*bus.Event
}

func (c *collector) reference() *reference {
	c.t.Helper()
	b := c.attach("")
	receiver, err := b.Subscribe(waiting(c.t), bus.Subscription{ID: "reference", Patterns: []string{"#"}, QueueCapacity: 1 << 16, Overflow: bus.DropNewest})
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, b.Unsubscribe(context.Background(), "reference")) })
	return &reference{t: c.t, receiver: receiver, bus: b}
}

// await returns the first event for which wanted is true.
func (r *reference) await(wanted func(*bus.Event) bool) *bus.Event {
	r.t.Helper()
	for i := 0; ; i++ {
		if i == len(r.events) {
			event, err := r.receiver.Next(waiting(r.t))
			require.NoError(r.t, err)
			r.events = append(r.events, event)
		}
		if wanted(r.events[i]) {
			return r.events[i]
		}
	}
}

// waiting returns a context that ends when a wait has taken too long.
func waiting(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// readLines returns the lines of a pipe, until its end.
func readLines(pipe interface{ Read([]byte) (int, error) }) <-chan string {
	lines := make(chan string, 1<<16)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(pipe)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			lines <- scanner.Text()
		}
	}()
	return lines
}

// nextLine returns the next line; said says what went wrong if there is none.
func nextLine(t *testing.T, lines <-chan string, said func() string) string {
	t.Helper()
	select {
	case line, ok := <-lines:
		require.True(t, ok, "it ended: %s", said())
		return line
	case <-time.After(patience):
		require.Fail(t, "nothing came", said())
		return ""
	}
}
