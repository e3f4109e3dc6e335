package page_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

// collector is a real one that runs, and whose printed events nobody reads.
type collector struct {
	t         *testing.T
	cmd       *exec.Cmd
	dir       string
	out       *bufio.Reader
	said      strings.Builder // its first lines
	log, link string          // files
	clients   string          // where NATS clients connect
}

var (
	pageLine    = regexp.MustCompile(`^page: (http://127\.0\.0\.1:\d+)/ \(with events: the link in (.+)\)\n$`)
	clientsLine = regexp.MustCompile(`^NATS clients: (nats://127\.0\.0\.1:\d+),`)
)

func startCollector(t *testing.T) *collector {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg") // t.TempDir is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Mkdir(filepath.Join(dir, "run"), 0o700))
	c := &collector{t: t, dir: dir, log: filepath.Join(dir, "log")}
	log, err := os.Create(c.log)
	require.NoError(t, err)
	defer log.Close()
	c.cmd = exec.Command(collectorProgram, "--http", "127.0.0.1:0", "--http-events", "--listen", "127.0.0.1:0", "--print", "#")
	c.cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+filepath.Join(dir, "run"), "XDG_STATE_HOME="+filepath.Join(dir, "state"),
		"EVENTBUS_NATS__ROLE=trusted", "EVENTBUS_COLLECT__PROCESS_INTERVAL=200ms", "EVENTBUS_COLLECT__PERFORMANCE_INTERVAL=500ms")
	c.cmd.Stderr = log
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it has ended, unless the test failed
		_ = c.cmd.Wait()         // likewise
		if said, err := os.ReadFile(c.log); err == nil && t.Failed() {
			t.Logf("the collector said:\n%s", said)
		}
	})
	c.out = bufio.NewReader(out)
	for c.link == "" {
		line, err := c.out.ReadString('\n')
		require.NoError(t, err)
		c.said.WriteString(line)
		if found := clientsLine.FindStringSubmatch(line); found != nil {
			c.clients = found[1]
		}
		if found := pageLine.FindStringSubmatch(line); found != nil {
			c.link = found[2]
		}
	}
	return c
}

// attach returns a bus on the socket.
func (c *collector) attach() *natsbus.Bus {
	c.t.Helper()
	b, err := natsbus.Attach(waiting(c.t), filepath.Join(c.dir, "run", "eventbus", "eventbus.sock"), nil)
	require.NoError(c.t, err)
	c.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = b.Shutdown(ctx) // the collector has ended
	})
	return b
}

// lose has an agent whose events are not all there.
func (c *collector) lose(events int) {
	c.t.Helper()
	key, err := nats.NkeyOptionFromSeed(filepath.Join(c.dir, "state", "eventbus", "credentials", "agent.nk"))
	require.NoError(c.t, err)
	conn, err := nats.Connect(c.clients, key)
	require.NoError(c.t, err)
	defer conn.Close()
	publisher := uuid.New()
	for _, sequence := range []int{1, events + 2} {
		message, err := msgpack.Marshal(map[string]any{
			"type": "load", "source": "agent", "publisher": publisher[:], "sequence": sequence, "payload": map[string]any{"load": 0.5},
		})
		require.NoError(c.t, err)
		require.NoError(c.t, conn.Publish("control.health.status", message))
	}
	require.NoError(c.t, conn.Flush())
}

// TestTheCollectorsPage is what its user sees: rates, the events of this host, and red when nobody reads what it prints.
func TestTheCollectorsPage(t *testing.T) {
	c := startCollector(t)
	info, err := os.Stat(c.link)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	link, err := os.ReadFile(c.link)
	require.NoError(t, err)
	url := strings.TrimSpace(string(link))
	_, token, ok := strings.Cut(url, "#token=")
	require.True(t, ok, url)

	for _, on := range []screen{desktop, phone} {
		p := open(t, on, url)
		p.await(health + ` === "ready"`)
		p.await(`document.querySelectorAll("#topics .topic").length >= 3`)
		p.await(`document.querySelector("#topics .topic path:last-child").getAttribute("d").length > 20`)
		p.await(`document.querySelectorAll("#log li").length > 5`)
		p.await(`[...document.querySelectorAll("#subs .sub")].some(e => e.textContent.startsWith("print"))`)
		p.filter("cpu_usage performance")
		p.await(`[...document.querySelectorAll("#log li")].every(e => e.textContent.includes("cpu_usage")) && ` + firstEvent + ` !== null`)
		p.fits()
		p.end()
	}
	p := open(t, desktop, url)
	p.await(health + ` === "ready"`)
	marker := process(4711, "sh", "sh", "-c", dead)
	b := c.attach()
	require.NoError(t, b.Publish(waiting(t), marker))
	p.filter("4711")
	p.await(firstEvent + `?.textContent.includes("onerror")`)
	require.Equal(t, "undefined", value[string](p, `typeof window.ran`))

	c.lose(5)
	lost, dropped := `document.querySelector("#tiles .tile:nth-child(6) b")`, `document.querySelector("#tiles .tile:nth-child(5) b")`
	p.await(lost + `.textContent === "5"`)
	require.True(t, red(p, lost))
	// More than --print lets wait for its reader.
	for value[string](p, dropped+`.textContent`) == "0" {
		for range 5000 {
			require.NoError(t, b.Publish(waiting(t), bus.Event{Source: "process", Payload: marker.Payload}))
		}
		require.NoError(t, b.Flush(waiting(t)))
	}
	require.True(t, red(p, dropped))
	p.await(`document.querySelector("#subs .sub .bad")?.textContent !== undefined`)

	p.end()
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
	rest, err := io.ReadAll(c.out)
	require.NoError(t, err)
	require.NoError(t, c.cmd.Wait())
	require.Contains(t, string(rest), "\npublished ")
	require.NoFileExists(t, c.link)
	said, err := os.ReadFile(c.log)
	require.NoError(t, err)
	for _, text := range []string{c.said.String(), string(rest), string(said)} {
		require.NotContains(t, text, token, "the secret is in the file alone")
	}
}
