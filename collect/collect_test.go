package collect_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
)

// childMode makes the test binary a child process, which ends when its standard input does.
const childMode = "COLLECT_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMode) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

func child() int {
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() == "exec" {
			if err := execAgain(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
	}
	return 0
}

// recorder is a publisher that keeps the events for the test. Its queue is so long that no test fills it.
type recorder struct {
	events chan bus.Event
	err    func(bus.Event) error // what Publish returns, if not nil
}

func newRecorder() *recorder { return &recorder{events: make(chan bus.Event, 100_000)} }

func (r *recorder) Publish(ctx context.Context, event bus.Event) error {
	if r.err != nil {
		if err := r.err(event); err != nil {
			return err
		}
	}
	select {
	case r.events <- event:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// patience is how long a test waits for what has to happen; it has no influence on one that passes.
const patience = 30 * time.Second

// until returns the next event that the condition is true for, and everything that came before it.
func (r *recorder) until(t *testing.T, what string, condition func(*bus.Event) bool) (found bus.Event, before []bus.Event) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case event := <-r.events:
			require.NoError(t, event.Validate())
			require.Less(t, event.Msgsize(), bus.DefaultMaxEventSize)
			if condition(&event) {
				return event, before
			}
			before = append(before, event)
		case <-timeout:
			require.FailNow(t, "never seen: "+what, "events: %v", before)
		}
	}
}

// queued returns what has been published and not taken yet.
func (r *recorder) queued(t *testing.T) []bus.Event {
	t.Helper()
	var events []bus.Event
	for len(r.events) > 0 {
		event := <-r.events
		require.NoError(t, event.Validate())
		events = append(events, event)
	}
	return events
}

func action(event *bus.Event) string { return event.PayloadMetadata()[collect.Action] }

// run runs a collector until the test ends, or stop is called, which waits for it.
func run(t *testing.T, collector collect.Collector) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- collector.Run(ctx) }()
	stop = func() {
		cancel()
		if done == nil {
			return
		}
		require.NoError(t, <-done)
		done = nil
	}
	t.Cleanup(stop)
	return stop
}

// runScanned is run, and returns when the first scan is complete.
func runScanned(t *testing.T, collector collect.Collector) (stop func()) {
	t.Helper()
	stop = run(t, collector)
	require.Eventually(t, func() bool { return collector.Statistics().Scans > 0 }, patience, time.Millisecond)
	return stop
}

// childProcess is a child of the test.
type childProcess struct {
	*exec.Cmd
	pid uint32
	say func(string)
	end func()
}

// startChild starts a process with these arguments, and returns when it runs.
func startChild(t *testing.T, args ...string) *childProcess {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), childMode+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ready := make([]byte, len("ready"))
	_, err = stdout.Read(ready)
	require.NoError(t, err)
	c := &childProcess{Cmd: cmd, pid: uint32(cmd.Process.Pid)}
	c.say = func(line string) {
		_, err := fmt.Fprintln(stdin, line)
		require.NoError(t, err)
	}
	c.end = func() {
		if c.ProcessState == nil {
			require.NoError(t, stdin.Close())
			require.NoError(t, cmd.Wait())
		}
	}
	t.Cleanup(c.end)
	return c
}

// actions returns what happened, in order, for a short comparison.
func actions(events []bus.Event) []string {
	return slices.Collect(func(yield func(string) bool) {
		for i := range events {
			pid, _ := events[i].PID()
			if !yield(fmt.Sprint(action(&events[i]), " ", pid)) {
				return
			}
		}
	})
}
