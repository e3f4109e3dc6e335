package main_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

// patience bounds what is waited for: much more than it takes, also on a busy machine.
const patience = 30 * time.Second

// step is how often it is looked whether it is there.
const step = 5 * time.Millisecond

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// output collects what a process writes.
type output struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buffer.String()
}

// collector is a running collector process.
type collector struct {
	cmd            *exec.Cmd
	stdout, stderr *output
	exited         chan struct{} // closed when the process is gone
}

// command prepares a collector that meets its clients in dir.
func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("collector", args...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "XDG_STATE_HOME="+dir+"/state", "EVENTBUS_NATS__ROLE=trusted", "HOME="+dir)
	return cmd
}

// launch starts a prepared collector; what the test left running is killed at its end.
func launch(t testing.TB, cmd *exec.Cmd) *collector {
	t.Helper()
	c := &collector{cmd: cmd, stdout: new(output), stderr: new(output), exited: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = c.stdout
	}
	cmd.Stderr = c.stderr
	require.NoError(t, cmd.Start())
	go func() { defer close(c.exited); _ = cmd.Wait() }() // how it ended is in ProcessState
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended in the test
		<-c.exited
		if t.Failed() {
			t.Logf("collector's stdout:\n%s\nstderr:\n%s", c.stdout, c.stderr)
		}
	})
	return c
}

// start starts a collector with a quick configuration and returns when it collects.
func start(t testing.TB, dir string, args ...string) *collector {
	t.Helper()
	config := filepath.Join(dir, "quick.toml")
	require.NoError(t, os.WriteFile(config, []byte("[collect]\nprocess_interval = \"100ms\"\nfiles = false\n"), 0o600))
	c := launch(t, command(dir, append([]string{"--config", config}, args...)...))
	c.awaitPlace(t)
	c.awaitLog(t, "msg=collecting")
	return c
}

// awaitPlace waits for the first lines on standard output, which come in one write, and returns them.
func (c *collector) awaitPlace(t testing.TB) string {
	t.Helper()
	require.Eventually(t, func() bool { return c.stdout.String() != "" }, patience, step, "%s", c.stderr)
	return c.stdout.String()
}

// awaitLog waits for a text in the log.
func (c *collector) awaitLog(t testing.TB, text string) {
	t.Helper()
	require.Eventually(t, func() bool {
		select {
		case <-c.exited:
			return true
		default:
			return strings.Contains(c.stderr.String(), text)
		}
	}, patience, step)
	require.Contains(t, c.stderr.String(), text)
}

// wait waits for the end of the process and returns its exit code, -1 for a signal.
func (c *collector) wait(t testing.TB) int {
	t.Helper()
	select {
	case <-c.exited:
	case <-time.After(patience):
		require.FailNow(t, "the collector does not end", c.stderr.String())
	}
	return c.cmd.ProcessState.ExitCode()
}

func (c *collector) signal(t testing.TB, signal os.Signal) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Signal(signal))
}

func socketIn(dir string) string { return filepath.Join(dir, "eventbus", "eventbus.sock") }

// attach returns a bus on the collector's socket.
func attach(t testing.TB, dir string) *natsbus.Bus {
	t.Helper()
	b, err := natsbus.Attach(background(t), socketIn(dir), nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = b.Shutdown(ctx) // what the test left queued is of no interest
	})
	return b
}

// watch subscribes to processes.
func watch(t testing.TB, b bus.Bus, id string) bus.Receiver {
	t.Helper()
	r, err := b.Subscribe(background(t), bus.Subscription{
		ID: id, Patterns: []string{"events.process.#"}, QueueCapacity: 1 << 16, Overflow: bus.DropNewest,
	})
	require.NoError(t, err)
	return r
}

// next returns the next event of a process for which ok holds.
func next(t testing.TB, r bus.Receiver, ok func(p *bus.ProcessEvent, action string) bool) *bus.ProcessEvent {
	t.Helper()
	ctx := background(t)
	for {
		event, err := r.Next(ctx)
		require.NoError(t, err)
		if p, isProcess := event.Payload.(*bus.ProcessEvent); isProcess && ok(p, p.Metadata["action"]) {
			return p
		}
	}
}
