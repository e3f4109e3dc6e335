package collect_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/subjects"
)

// often is an interval for tests: what they wait for comes sooner.
const often = 20 * time.Millisecond

// about is the condition that an event is about a process and that this has happened.
func about(pid uint32, what string) func(*bus.Event) bool {
	return func(event *bus.Event) bool {
		of, ok := event.PID()
		return ok && of == pid && action(event) == what
	}
}

func executableHash(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	contents, err := os.ReadFile(program)
	require.NoError(t, err)
	sum := sha256.Sum256(contents)
	return hex.EncodeToString(sum[:])
}

// TestProcessLife follows a real process from its start to its end, as read on this system and as read on others.
func TestProcessLife(t *testing.T) {
	for name, make := range map[string]func(collect.Publisher, *collect.ProcessOptions) *collect.Processes{
		"own": collect.NewProcesses, "portable": collect.NewPortableProcesses,
	} {
		t.Run(name, func(t *testing.T) {
			events := newRecorder()
			stop := run(t, make(events, &collect.ProcessOptions{Interval: often, HashBudget: 1 << 40}))

			self, before := events.until(t, "this process", about(uint32(os.Getpid()), collect.ActionExisting))
			for _, event := range before {
				require.Equal(t, collect.ActionExisting, action(&event))
			}
			require.Equal(t, "process", self.Source)

			child := startChild(t, "sleep", "a b", "", "é")
			start, _ := events.until(t, "start", about(child.pid, collect.ActionStart))
			require.Equal(t, subjects.ProcessLifecycle, start.Topic)
			p := start.Payload.(*bus.ProcessEvent)
			if name == "portable" && len(p.CommandLine) != len(child.Args) {
				// It was seen between fork and exec.
				change, _ := events.until(t, "change", about(child.pid, collect.ActionChange))
				p = change.Payload.(*bus.ProcessEvent)
			}
			program, err := os.Executable()
			require.NoError(t, err)
			require.Equal(t, child.Args, p.CommandLine)
			require.Equal(t, program, p.ExecutablePath)
			require.Equal(t, filepath.Base(program), p.Name)
			require.Equal(t, uint32(os.Getpid()), *p.PPID)
			require.Equal(t, strconv.Itoa(os.Getuid()), p.UserID)
			require.WithinDuration(t, time.Now(), p.StartTime, patience)
			require.NotZero(t, *p.MemoryUsage)
			require.True(t, p.Accessible)
			require.True(t, p.FileExists)

			child.end()
			exit, between := events.until(t, "exit", about(child.pid, collect.ActionExit))
			for _, event := range between {
				require.False(t, about(child.pid, collect.ActionStart)(&event), "a second start")
			}
			last := exit.Payload.(*bus.ProcessEvent)
			require.Equal(t, p.CommandLine, last.CommandLine)
			require.Equal(t, p.Name, last.Name)
			require.Equal(t, p.StartTime, last.StartTime)
			stop()
		})
	}
}

func TestProcessHash(t *testing.T) {
	want := executableHash(t)
	events := newRecorder()
	stop := run(t, collect.NewProcesses(events, &collect.ProcessOptions{Interval: 2 * time.Second, HashBudget: 1 << 40}))
	hashed := func(event *bus.Event) bool {
		p := event.Payload.(*bus.ProcessEvent)
		return p.PID == uint32(os.Getpid()) && p.ExecutableHash != ""
	}
	event, _ := events.until(t, "hash", hashed)
	require.Equal(t, want, event.Payload.(*bus.ProcessEvent).ExecutableHash)
	require.Equal(t, "sha256", event.Payload.(*bus.ProcessEvent).HashAlgorithm)
	stop()

	run(t, collect.NewProcesses(events, &collect.ProcessOptions{Interval: often, NoHash: true}))
	event, _ = events.until(t, "this process", about(uint32(os.Getpid()), collect.ActionExisting))
	require.Empty(t, event.Payload.(*bus.ProcessEvent).ExecutableHash)
	require.Empty(t, event.Payload.(*bus.ProcessEvent).HashAlgorithm)
}

func TestLongCommandLine(t *testing.T) {
	events := newRecorder()
	runScanned(t, collect.NewProcesses(events, &collect.ProcessOptions{Interval: often, NoHash: true}))
	child := startChild(t, "bad\xff", strings.Repeat("x", 60_000), "never seen")
	start, _ := events.until(t, "start", about(child.pid, collect.ActionStart))
	args := start.Payload.(*bus.ProcessEvent).CommandLine
	require.Equal(t, "bad\uFFFD", args[1])
	require.Len(t, args, 3)
	require.Greater(t, len(args[2]), collect.MaxCommandLine/2)
	require.LessOrEqual(t, len(strings.Join(args, "")), collect.MaxCommandLine)
	require.Equal(t, "command_line", start.PayloadMetadata()[collect.Truncated])
}
