package main_test

import (
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/daemoneye/eventbus/internal/pseudoterminal"
)

// onScreen is a running eventbus top on a terminal of its own.
type onScreen struct {
	t        *testing.T
	cmd      *exec.Cmd
	user     *os.File
	terminal *os.File
	emulator *emulator
	before   *unix.Termios
}

// startTop starts a collector with something to tell, and the program.
func startTop(t *testing.T, rows uint16, args ...string) (*onScreen, *collector) {
	t.Helper()
	dir := runtimeDir(t)
	c := startCollector(t, socketIn(dir))
	require.NoError(t, c.do("answer fake-1 v1.0.0"))
	require.NoError(t, c.do("stuck 4"))
	require.NoError(t, c.do("burst 10"))
	user, terminal := pseudoterminal.Open(t, rows, 140)
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	require.NoError(t, err)
	s := &onScreen{t: t, user: user, terminal: terminal, emulator: new(emulator), before: before}
	s.cmd = exec.Command("eventbus", append([]string{"top", "--every", "100ms"}, args...)...)
	s.cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "XDG_STATE_HOME="+dir+"/state", "GORACE="+noRaceDelay, "TERM=xterm", "NO_COLOR=")
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = terminal, terminal, terminal
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // the terminal tells it of its size
	require.NoError(t, s.cmd.Start())
	go func() { _, _ = io.Copy(s.emulator, user) }() // until the terminal is closed with the test
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()    // it has ended, unless the test failed
		_, _ = s.cmd.Process.Wait() // likewise
	})
	s.shows(`(?m)^ 4 fake-1  fake v1\.0\.0  process \d+ on .*  up `)
	return s, c
}

// shows waits until the screen matches.
func (s *onScreen) shows(pattern string) {
	s.t.Helper()
	expression := regexp.MustCompile(pattern)
	err := await(pattern, func() (bool, error) { return expression.MatchString(s.emulator.screen()), nil })
	require.NoError(s.t, err, "%s", s.emulator.screen())
}

func (s *onScreen) press(keys string) {
	s.t.Helper()
	_, err := s.user.WriteString(keys)
	require.NoError(s.t, err)
}

// leaves waits for the end and checks that the terminal is as it was, and that nothing has flickered.
func (s *onScreen) leaves(code int) {
	s.t.Helper()
	_ = s.cmd.Wait() // the exit code says it better
	require.Equal(s.t, code, s.cmd.ProcessState.ExitCode())
	require.NoError(s.t, await("the terminal", func() (bool, error) { alternate, hidden, _, _ := s.emulator.state(); return !alternate && !hidden, nil }))
	after, err := unix.IoctlGetTermios(int(s.terminal.Fd()), unix.TCGETS)
	require.NoError(s.t, err)
	require.Equal(s.t, s.before, after)
	_, _, written, wrong := s.emulator.state()
	require.Empty(s.t, wrong)
	require.NotContains(s.t, written, "\x1b[2J")
	require.NotContains(s.t, written, "\x1b[J")
	require.True(s.t, strings.HasSuffix(written, "\x1b[?7h\x1b[?25h\x1b[?1049l"), "%q", written[max(0, len(written)-100):])
}

func TestTopIsDrawnAndLeavesAtAKey(t *testing.T) {
	s, c := startTop(t, 24)
	s.shows(`(?m)^ ?\d+ stuck +0\.0 +0 +4 +4 +4 +\S+s +6 +0 +overflow 6 +drop-newest`)
	s.shows(`(?m)^ 2 published 0\.0/s .* dropped 0\.0/s \(6\)  lost 0\.0/s \(0\)$`)
	s.shows(`(?m)^24 by rate  q quit`)
	require.NoError(t, c.do("burst 5"))
	s.shows(`(?m)^ ?\d+ stuck .* 11 +0 +overflow 11 +drop-newest`)
	s.press("q")
	s.leaves(0)
}

func TestTopObeysKeys(t *testing.T) {
	s, _ := startTop(t, 24)
	s.press("s")
	s.shows(`(?m)^24 by queued  `)
	s.press("SS")
	s.shows(`(?m)^24 by name  `)
	s.press("6")
	s.shows(`(?m)^24 by dropped  `)
	s.shows(`(?m)SUBSCRIPTION.*\n.. stuck`)
	s.press("r")
	s.shows(`(?m)^24 by dropped, reversed  `)
	s.shows(`(?m)SUBSCRIPTION.*\n.. control-heartbeats`)
	s.press("p")
	s.shows(`(?m)^ 1 eventbus top .*  paused$`)
	s.press(" ?")
	s.shows(`(?m)^ 4 s, S +sort by the next column`)
	s.press("\x1b")
	s.shows(`(?m)^ 4 fake-1`)
	_, _, written, _ := s.emulator.state()
	require.Contains(t, written, "\x1b[1;7mDROPPED\x1b[0m", "in color")
	s.press("\x03")
	s.leaves(130)
}

func TestTopScrollsAndFollowsTheSize(t *testing.T) {
	s, _ := startTop(t, 24)
	pseudoterminal.Resize(t, s.terminal, 8, 60)
	s.shows(`(?m)^ 8 lines 1 to 4 of \d+  by rate`)
	for _, step := range []struct{ keys, first string }{
		{"j", "2"}, {"\x1b[B", "3"}, {"\x1b[6~", "7"}, {"k\x1b[A", "5"}, {"\x1b[5~", "1"}, {"kkk", "1"}, {"\x1b[6~g", "1"},
	} {
		s.press(step.keys)
		s.shows(`(?m)^ 8 lines ` + step.first + ` to `)
	}
	s.press("G")
	s.shows(`(?m)^ 8 lines (\d+) to (\d+) of (\d+)`)
	s.shows(`(?m)^ 7 fake-1 +\d+ +\d+ +0$`) // the server comes last
	_, _, _, wrong := s.emulator.state()
	require.Empty(t, wrong)
	pseudoterminal.Resize(t, s.terminal, 30, 100)
	s.shows(`(?m)^30 by rate`)
	s.press("q")
	s.leaves(0)
}

func TestTopLeavesAtSignals(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130, syscall.SIGHUP: 129, syscall.SIGQUIT: 131} {
		t.Run(signal.String(), func(t *testing.T) {
			s, _ := startTop(t, 24)
			require.NoError(t, s.cmd.Process.Signal(signal))
			s.leaves(code)
		})
	}
}

// There is no shell that would let it go on, so it goes on by itself; a shell that does tells it by a signal.
func TestTopComesBackAfterItWasStopped(t *testing.T) {
	s, _ := startTop(t, 24)
	entered := func() int { _, _, written, _ := s.emulator.state(); return strings.Count(written, "\x1b[?1049h") }
	s.press("\x1a")
	require.NoError(t, await("the terminal", func() (bool, error) { return entered() == 2, nil }))
	s.shows(`(?m)^ 4 fake-1`)
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGCONT))
	require.NoError(t, await("the terminal", func() (bool, error) { return entered() == 3, nil }))
	s.shows(`(?m)^ 4 fake-1`)
	s.press("q")
	s.leaves(0)
}

func TestTopSaysThatNobodyAnswers(t *testing.T) {
	s, c := startTop(t, 24)
	require.NoError(t, c.kill())
	s.shows(`(?m)^ 1 eventbus top .*  no answer since \d\d:\d\d:\d\d`)
	s.shows(`(?m)^ 4 fake-1`)
	s.press("q")
	s.leaves(0)
}
