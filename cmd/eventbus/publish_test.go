package main_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	program "github.com/daemoneye/eventbus/cmd/eventbus"
)

func TestProgressLine(t *testing.T) {
	require.Equal(t, "[############            ]  50%  7 events  4/s", program.ProgressLine(50, 100, 7, 2*time.Second))
	require.Equal(t, "[########################] 100%  7 events  7/s", program.ProgressLine(150, 100, 7, time.Second), "a file that has grown")
	require.Equal(t, "7 events  14/s", program.ProgressLine(50, 0, 7, time.Second/2), "an input of unknown size")
}

// A line that is too long is refused without being kept, and the next one is read.
func TestLinesHaveABound(t *testing.T) {
	long := strings.Repeat("x", program.MaxInputLine+1)
	var lines []string
	var refused []string
	for line := range program.Lines(t.Context(), strings.NewReader("a\n"+long+"\n\n  b  \nc")) {
		if line.Err != nil {
			refused = append(refused, line.Place+": "+line.Err.Error())
			continue
		}
		lines = append(lines, line.Place+": "+line.Text)
	}
	require.Equal(t, []string{"standard input:1: a", "standard input:4: b", "standard input:5: c"}, lines)
	require.Equal(t, []string{"standard input:2: malformed: a line of more than 134217728 bytes"}, refused)
}

// A signal ends it, and what was published by then is told.
func TestPublishEndsAtASignal(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		dir := runtimeDir(t)
		startCollector(t, socketIn(dir))
		cmd := exec.Command("eventbus", "publish")
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir, "GORACE="+noRaceDelay)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		in, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		// That it reads, and so publishes, shows in that more than a pipe holds was written.
		_, err = io.WriteString(in, strings.Repeat(`{"type":"process","payload":{"pid":1}}`+"\n", 10_000))
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(signal))
		require.Error(t, cmd.Wait())
		require.Equal(t, code, cmd.ProcessState.ExitCode())
		require.Regexp(t, `^eventbus: published=[1-9][0-9]* malformed=0 failed=0 forbidden=0 in [0-9.]+s\n$`, stderr.String())
	}
}
