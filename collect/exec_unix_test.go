//go:build unix

package collect_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/subjects"
)

// execAgain replaces the child by the same program with another command line.
func execAgain() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(program, []string{program, "after exec"}, os.Environ())
}

// TestRealExec: a process that runs another program is the same process with another command line.
func TestRealExec(t *testing.T) {
	events := newRecorder()
	runScanned(t, collect.NewProcesses(events, &collect.ProcessOptions{Interval: often, NoHash: true}))
	child := startChild(t, "before exec")
	start, _ := events.until(t, "start", about(child.pid, collect.ActionStart))
	child.say("exec")
	change, _ := events.until(t, "change", about(child.pid, collect.ActionChange))
	require.Equal(t, subjects.ProcessMetadata, change.Topic)
	require.Equal(t, "command_line", change.PayloadMetadata()[collect.Changed])
	before, after := start.Payload.(*bus.ProcessEvent), change.Payload.(*bus.ProcessEvent)
	require.Equal(t, []string{child.Args[0], "after exec"}, after.CommandLine)
	require.Equal(t, before.StartTime, after.StartTime)
}
