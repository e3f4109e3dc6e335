package main_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// watcher is a running eventbus watch.
type watcher struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *bufio.Scanner
	outEnd *os.File // our end of its standard output
	errors *bytes.Buffer
}

// watch starts the program with a pipe as its standard output.
func watch(t *testing.T, dir string, args ...string) *watcher {
	t.Helper()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	w := &watcher{t: t, cmd: exec.Command("eventbus", append([]string{"watch"}, args...)...), outEnd: read, out: bufio.NewScanner(patient{read}), errors: new(bytes.Buffer)}
	w.cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "XDG_STATE_HOME="+dir+"/state", "READY="+readyIn(dir), "GORACE="+noRaceDelay)
	w.cmd.Stdout, w.cmd.Stderr = write, w.errors
	require.NoError(t, w.cmd.Start())
	require.NoError(t, write.Close())
	t.Cleanup(func() {
		_ = read.Close()            // the test may have closed it
		_ = w.cmd.Process.Kill()    // it has ended, unless the test failed
		_, _ = w.cmd.Process.Wait() // likewise
	})
	return w
}

// patient is the reading end of a pipe that gives up when nothing comes for too long. What comes may take its time.
type patient struct{ pipe *os.File }

func (p patient) Read(b []byte) (int, error) {
	if err := p.pipe.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return p.pipe.Read(b)
}

// attached starts the program and returns when it sees what is published.
func attached(t *testing.T, dir string, args ...string) *watcher {
	t.Helper()
	w := watch(t, dir, args...)
	require.NoError(t, awaitReady(readyIn(dir)))
	return w
}

// line returns the next line that it prints.
func (w *watcher) line() string {
	w.t.Helper()
	require.True(w.t, w.out.Scan(), "%v", w.out.Err())
	return w.out.Text()
}

// end waits for its end and returns its exit code and what it said on standard error.
func (w *watcher) end() (code int, said string) {
	w.t.Helper()
	_ = w.cmd.Wait() // the exit code says it better
	return w.cmd.ProcessState.ExitCode(), w.errors.String()
}

func TestWatchEndsAtASignal(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := runtimeDir(t)
			c := startCollector(t, socketIn(dir))
			w := attached(t, dir)
			require.NoError(t, c.do("publish each"))
			for range 4 {
				w.line() // text comes at once, also through a pipe
			}
			require.NoError(t, w.cmd.Process.Signal(signal))
			got, said := w.end()
			require.Equal(t, code, got, said)
			require.Equal(t, "eventbus: received=4 dropped=0 lost=0", lastLine(said))
		})
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestWatchEndsQuietlyAtAClosedPipe(t *testing.T) {
	for _, output := range []string{"text", "json"} {
		t.Run(output, func(t *testing.T) {
			dir := runtimeDir(t)
			c := startCollector(t, socketIn(dir))
			w := attached(t, dir, "-o", output)
			require.NoError(t, c.do("publish each"))
			w.line()
			require.NoError(t, w.outEnd.Close())
			require.NoError(t, c.do("publish each"))
			code, said := w.end()
			require.Zero(t, code, said)
			require.Equal(t, 1, strings.Count(said, "\n"), "only the opening line: %s", said)
		})
	}
}

// The collector is killed, its files lie around, and the next one makes a new socket and a new token: the watcher goes on.
func TestWatchGoesOnAfterTheCollectorWasKilled(t *testing.T) {
	dir := runtimeDir(t)
	c := startCollector(t, socketIn(dir))
	w := attached(t, dir, "-o", "json", "--count", "8")
	require.NoError(t, c.do("publish each"))
	for range 4 {
		require.True(t, strings.HasPrefix(w.line(), `{"id":`))
	}
	require.NoError(t, c.kill())
	c = startCollector(t, socketIn(dir))
	require.NoError(t, c.do("watched"))
	require.NoError(t, c.do("publish each"))
	for range 4 {
		require.True(t, strings.HasPrefix(w.line(), `{"id":`))
	}
	code, said := w.end()
	require.Zero(t, code, said)
	require.Equal(t, 1, strings.Count(said, "connection to the NATS server is back"), said)
	require.Equal(t, "eventbus: received=8 dropped=0 lost=0", lastLine(said))
}

// What a slow reader misses is counted and told, and what it gets is nothing but events.
func TestWatchCountsWhatASlowReaderMisses(t *testing.T) {
	const published = 200_000 // more than the queue and the pipe hold
	dir := runtimeDir(t)
	c := startCollector(t, socketIn(dir))
	w := attached(t, dir)
	require.NoError(t, c.do(fmt.Sprint("burst ", published)))
	lines := make(chan string)
	go func() {
		defer close(lines)
		for w.out.Scan() {
			select {
			case lines <- w.out.Text():
			case <-t.Context().Done():
				return
			}
		}
	}()
	// When a marker has come, everything before it was printed or counted. One that meets a full queue is dropped itself.
	received, markers := 0, 0
	for come := false; !come; {
		require.NoError(t, c.do("publish hostile"))
		markers++
		for quiet := false; !quiet && !come; {
			select {
			case line, ok := <-lines:
				require.True(t, ok, "it ended")
				require.False(t, strings.HasPrefix(line, "eventbus:"), line)
				received++
				come = strings.Contains(line, "pwned")
			case <-time.After(time.Second):
				quiet = true
			}
		}
	}
	require.NoError(t, w.cmd.Process.Signal(os.Interrupt))
	code, said := w.end()
	require.Equal(t, 130, code, said)
	var got, dropped, lost int
	_, err := fmt.Sscanf(lastLine(said), "eventbus: received=%d dropped=%d lost=%d", &got, &dropped, &lost)
	require.NoError(t, err, said)
	require.Equal(t, received, got)
	require.Equal(t, published+markers, got+dropped+lost)
	require.Positive(t, dropped)
	require.Equal(t, dropped, sumOf(t, said, ` dropped (\d+) events?: this output is too slow`), said)
	require.Equal(t, lost, sumOf(t, said, `^eventbus: lost (\d+) events?: `), said)
}

// sumOf sums up the numbers that a pattern finds in the lines.
func sumOf(t *testing.T, lines, pattern string) (sum int) {
	t.Helper()
	for _, match := range regexp.MustCompile(`(?m)`+pattern).FindAllStringSubmatch(lines, -1) {
		n, err := strconv.Atoi(match[1])
		require.NoError(t, err)
		sum += n
	}
	return sum
}

// Nothing of losses is said to somebody who asks for quiet, neither by notices nor by the log of the bus.
func TestWatchKeepsQuietOnRequest(t *testing.T) {
	dir := runtimeDir(t)
	c := startCollector(t, socketIn(dir))
	w := watch(t, dir, "-q")
	printed := make(chan struct{})
	go func() { defer close(printed); w.out.Scan() }() // what goes wrong shows below
	// It does not say when it is attached, so there are events until it has printed one.
	require.NoError(t, await("the first event", func() (bool, error) {
		select {
		case <-printed:
			return true, nil
		default:
			return false, c.do("publish each")
		}
	}))
	require.NoError(t, c.do("numbered 4 22"))
	for numbered := 0; numbered < 2; {
		if strings.Contains(w.line(), "name=numbered") {
			numbered++
		}
	}
	require.NoError(t, w.cmd.Process.Signal(os.Interrupt))
	code, said := w.end()
	require.Equal(t, 130, code)
	require.Empty(t, said)
}

func TestWatchFindsNoServerBehindAFile(t *testing.T) {
	dir := runtimeDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "eventbus"), 0o700))
	require.NoError(t, os.WriteFile(socketIn(dir), nil, 0o600))
	code, said := watch(t, dir).end()
	require.Equal(t, 3, code, said)
	require.Equal(t, 1, strings.Count(said, "\n"))
}
