package main_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/pseudoterminal"
)

// TestTheOperatorsToolKnowsIt looks at a collector with eventbus stats, topics, doctor, and top on a terminal.
func TestTheOperatorsToolKnowsIt(t *testing.T) {
	dir, tool := runtimeDir(t), filepath.Join(t.TempDir(), "eventbus")
	out, err := exec.Command("go", "build", "-o", tool, "../eventbus").CombinedOutput()
	require.NoError(t, err, "%s", out)
	// On a busy machine, a look may take longer than the usual time until the next one, and doctor says so.
	config := filepath.Join(dir, "slow.toml")
	require.NoError(t, os.WriteFile(config, []byte("[collect]\nprocess_interval = \"1m\"\nconnection_interval = \"1m\"\nperformance_interval = \"1m\"\n"), 0o600))
	c := launch(t, command(dir, "--config", config, "--duration", "1h", "--listen", "127.0.0.1:0"))
	c.awaitLog(t, "msg=collecting")
	b := attach(t, dir)
	require.Eventually(t, func() bool { // each of them has looked once
		report, err := control.Diagnostics(background(t), b, "", nil)
		return err == nil && len(report.Collectors) == 4 && !slices.ContainsFunc(report.Collectors, func(one control.CollectorStatistics) bool {
			return one.Name != "filesystem" && one.Scans == 0
		})
	}, patience, 10*step)
	asked := func(args ...string) *exec.Cmd {
		cmd := exec.Command(tool, args...)
		cmd.Env = command(dir).Env
		cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=")
		return cmd
	}

	out, err = asked("stats", "--wait", "2s", "-o", "json").Output()
	require.NoError(t, err)
	var report control.DiagnosticsReport
	require.NoError(t, json.Unmarshal(out, &report))
	require.Len(t, report.Collectors, 4)
	require.NotEmpty(t, report.Topics)
	require.NotNil(t, report.Server)

	out, err = asked("topics", "--published", "--wait", "2s").Output()
	require.NoError(t, err)
	require.Regexp(t, `(?m)^events\.process\.lifecycle +restricted +process +[1-9][0-9]* +`+report.ID+`$`, string(out))

	out, err = asked("doctor", "--wait", "2s").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `^Healthy: \d+ checks found nothing, and \d+ did not apply\.\n$`, string(out))

	screen, terminal := pseudoterminal.Open(t, 24, 200)
	before, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	require.NoError(t, err)
	top := asked("top", "--every", "100ms")
	top.Stdin, top.Stdout = terminal, terminal
	require.NoError(t, top.Start())
	shown := new(output)
	copied := make(chan struct{})
	go func() { defer close(copied); _, _ = io.Copy(shown, screen) }() // its end is an error, EIO
	for _, text := range []string{report.ID + "\x1b[0m  collector", "events.process.lifecycle", "COLLECTOR", "published "} {
		require.Eventually(t, func() bool { return strings.Contains(shown.String(), text) }, patience, step, text)
	}
	_, err = screen.WriteString("q")
	require.NoError(t, err)
	require.NoError(t, top.Wait())
	after, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoError(t, terminal.Close())
	<-copied
	require.NotContains(t, shown.String(), "\x1b[2J")
	require.True(t, strings.HasSuffix(shown.String(), "\x1b[?1049l"))
}
