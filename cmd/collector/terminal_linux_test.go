package main_test

import (
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/pseudoterminal"
)

// onTerminal runs a collector whose standard output is a terminal until what it shows contains a text, and returns all that it showed.
func onTerminal(t *testing.T, columns uint16, until string, args ...string) string {
	screen, terminal := pseudoterminal.Open(t, 24, columns)
	cmd := command(runtimeDir(t), args...)
	cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=")
	cmd.Stdout = terminal
	c := launch(t, cmd)
	require.NoError(t, terminal.Close()) // so that the screen ends with the program
	shown := new(output)
	copied := make(chan struct{})
	go func() { defer close(copied); _, _ = io.Copy(shown, screen) }() // its end is an error, EIO
	require.Eventually(t, func() bool { return strings.Contains(shown.String(), until) }, patience, step, "%s", shown)
	c.signal(t, syscall.SIGTERM)
	require.Equal(t, 0, c.wait(t))
	<-copied
	return shown.String()
}

func TestATerminalHasALiveLine(t *testing.T) {
	shown := onTerminal(t, 60, "\revents/s  ", "--bus-type", "local", "--interval", "200ms")
	last := strings.LastIndex(shown, "\r\x1b[K")
	require.True(t, strings.HasPrefix(shown[last:], "\r\x1b[Kafter "), "it is taken away before the table: %q", shown)
	live := shown[strings.Index(shown, "\revents/s"):last]
	for drawn := range strings.SplitSeq(live, "\r") {
		require.LessOrEqual(t, len(strings.ReplaceAll(drawn, "\x1b[K", "")), 59, "cut to the terminal: %q", drawn)
	}
}

func TestPrintedEventsHaveTheTerminalToThemselves(t *testing.T) {
	shown := onTerminal(t, 60, "events.process.lifecycle", "--bus-type", "local", "--interval", "100ms", "--print", "events.#")
	require.NotContains(t, shown, "events/s")
	require.NotContains(t, shown, "\x1b[K")
	require.Contains(t, shown, "\x1b[", "in color")
}
