package main_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	program "github.com/daemoneye/eventbus/cmd/eventbus"
	"github.com/daemoneye/eventbus/internal/pseudoterminal"
)

// shownOn returns what a program shows on a terminal, which is its standard error. It has to succeed.
func shownOn(t *testing.T, runtime string, columns uint16, args ...string) string {
	t.Helper()
	screen, terminal := pseudoterminal.Open(t, 24, columns)
	cmd := exec.Command("eventbus", args...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+runtime, "TERM=xterm", "GORACE="+noRaceDelay)
	cmd.Stderr = terminal
	require.NoError(t, cmd.Start())
	require.NoError(t, terminal.Close()) // so that the screen ends with the program
	shown, _ := io.ReadAll(screen)       // its end is an error, EIO
	err := cmd.Wait()
	require.NoError(t, err, "%s", shown)
	return strings.ReplaceAll(string(shown), "\r\n", "\n")
}

// Who types events is told that they are waited for.
func TestPublishReadsFromATerminal(t *testing.T) {
	dir := runtimeDir(t)
	startCollector(t, socketIn(dir))
	keyboard, terminal := pseudoterminal.Open(t, 24, 80)
	cmd := exec.Command("eventbus", "publish")
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "GORACE="+noRaceDelay)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = terminal, &stderr
	_, err := io.WriteString(keyboard, `{"type":"process","payload":{"pid":1}}`+"\n\x04")
	require.NoError(t, err)
	require.NoError(t, cmd.Run())
	require.NoError(t, terminal.Close())
	require.Regexp(t, `^eventbus: reading events from standard input, one JSON object a line\neventbus: published=1 `, stderr.String())
}

// A long input has a progress bar, which is taken away before anything else is written.
func TestPublishShowsItsProgressOnATerminal(t *testing.T) {
	dir := runtimeDir(t)
	startCollector(t, socketIn(dir))
	file := filepath.Join(t.TempDir(), "events.jsonl")
	const events = 50 // at this rate, a second more than it takes until there is a bar
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat(`{"type":"process","payload":{"pid":1}}`+"\n", events)), 0o600))

	shown := shownOn(t, dir, 60, "publish", "--rate", "30/s", file)
	require.Regexp(t, `\r\[#+ +\] +[0-9]+%  [0-9]+ events  [0-9]+/s\x1b\[K`, shown)
	bars, last, found := strings.Cut(shown, "\r\x1b[Keventbus: published=50 ")
	require.True(t, found, "%q", shown)
	require.NotContains(t, last, "\r")
	for drawn := range strings.SplitSeq(bars, "\r") {
		require.LessOrEqual(t, len(strings.ReplaceAll(drawn, "\x1b[K", "")), 59, "cut to the terminal: %q", drawn)
	}

	// Not if nobody wants it, and not if it takes no time.
	require.Empty(t, shownOn(t, dir, 60, "publish", "-q", "--rate", "60/s", file))
	shown = shownOn(t, dir, 60, "publish", file)
	summary := regexp.MustCompile(`(?m)^(.*\r\x1b\[K)?eventbus: published=50 malformed=0 failed=0 forbidden=0 in ([0-9.]+)s\n$`).FindStringSubmatch(shown)
	require.NotNil(t, summary, "%q", shown)
	took, err := strconv.ParseFloat(summary[2], 64)
	require.NoError(t, err)
	if took < program.ProgressAfter.Seconds() { // on a busy machine, it may take its time
		require.Empty(t, summary[1], "%q", shown)
	}
}
