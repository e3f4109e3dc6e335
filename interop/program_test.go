package interop_test

import (
	"bytes"
	"errors"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// output is what a program has written so far. It may be read meanwhile.
type output struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
}

// Write implements [io.Writer].
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// program is a client that runs.
type program struct {
	t     *testing.T
	lines <-chan string // of its standard output
	said  *output       // its standard error
}

// start starts a client, which is killed when the test ends.
func start(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, said: new(output)}
	cmd.Stderr = p.said
	cmd.WaitDelay = time.Second // for what it has started itself
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p.lines = readLines(out)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		for range p.lines {
		}
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("it said: %s", p.said)
		}
	})
	return p
}

// await returns the first event on standard output for which wanted is true.
func (p *program) await(wanted func(object) bool) object {
	p.t.Helper()
	for {
		event := parse(p.t, nextLine(p.t, p.lines, p.said.String))
		if wanted(event) {
			return event
		}
	}
}

// has returns the first event there is on standard output for which wanted is true, and nil if nothing is there any more.
func (p *program) has(wanted func(object) bool) object {
	p.t.Helper()
	for {
		select {
		case line, ok := <-p.lines:
			require.True(p.t, ok, "it ended: %s", p.said)
			if event := parse(p.t, line); wanted(event) {
				return event
			}
		default:
			return nil
		}
	}
}

// finish runs a client to its end.
func finish(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	cmd.WaitDelay = time.Second
	require.NoError(t, cmd.Start())
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		_, exited := errors.AsType[*exec.ExitError](err)
		require.True(t, exited, "%v: %s", err, said.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

// eventually waits until a condition is true.
func eventually(t *testing.T, condition func() bool, said func() string) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); !condition(); <-again.C {
		require.True(t, time.Now().Before(deadline), "it did not happen: %s", said())
	}
}
