//go:build unix

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

// someUser is one that has nothing to do with who runs the tests.
const someUser = 54321

// TestAServerOfAnotherUser runs one as another user, if this one may do that, and as this one otherwise: at the usual place it is not
// trusted, and by its name it is used, which is said.
func TestAServerOfAnotherUser(t *testing.T) {
	dir, program := runtimeDir(t), copyProgram(t)
	another := os.Geteuid() == 0
	served := prepare(t, dir, "serve")
	served.cmd.Path, served.cmd.Dir = program, dir
	if another {
		require.NoError(t, os.Chown(dir, someUser, someUser))
		served.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someUser, Gid: someUser}}
	}
	served.start()
	served.line()

	w := attached(t, dir, "--socket", socketIn(dir), "--count", "1")
	publish(t, dir)
	require.Contains(t, w.line(), "pid=4711")
	code, said := w.end()
	require.Zero(t, code, said)
	note := fmt.Sprintf("eventbus: %s belongs to user %d, whose server is used because it was named\n", socketIn(dir), someUser)
	if !another {
		require.NotContains(t, said, "belongs to user")
		return
	}
	require.Contains(t, said, note)
	for _, command := range []string{"watch", "proxy"} {
		unnamed := run(t, dir, command)
		_ = unnamed.cmd.Wait()
		code, said = unnamed.cmd.ProcessState.ExitCode(), unnamed.errors.String()
		require.Equal(t, 1, code, said)
		require.Regexp(t, fmt.Sprintf("^eventbus: .*the server at %s is of user %d\n$", socketIn(dir), someUser), said)
	}
	i := &ill{T: t, dir: dir}
	d, code := i.examineOnce("1s") // nobody is asked
	require.Equal(t, 1, code)
	require.Equal(t, []string{"runtime-directory", "server"}, []string{d.Findings[0].Check, d.Findings[1].Check})
	require.Regexp(t, fmt.Sprintf("belongs to user %d", someUser), d.Findings[0].Problem)
	require.Regexp(t, fmt.Sprintf("^Another user's process serves .* is of user %d$", someUser), d.Findings[1].Problem)
	i.args = []string{"--socket", socketIn(dir)}
	d, code = i.examine(healthy)
	require.Zero(t, code, "%+v", d)

	p := run(t, dir, "proxy", "--socket", socketIn(dir))
	require.Contains(t, p.line(), "listening on nats://127.0.0.1:")
	code, said = p.end(syscall.SIGTERM)
	require.Equal(t, 143, code, said)
	require.Contains(t, said, note)
}

// copyProgram returns the path of a copy of the program that every user may start.
func copyProgram(t *testing.T) string {
	t.Helper()
	dir := runtimeDir(t)
	self, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(self)
	require.NoError(t, err)
	program := filepath.Join(dir, "eventbus")
	require.NoError(t, os.WriteFile(program, content, 0o755))
	require.NoError(t, os.Chmod(dir, 0o711))
	return program
}

// TestDoctorFindsDirectoriesThatCannotBeMade runs it as a user who may write nowhere.
func TestDoctorFindsDirectoriesThatCannotBeMade(t *testing.T) {
	dir := runtimeDir(t)
	require.NoError(t, os.Chmod(dir, 0o555))
	examined := prepare(t, dir, "doctor")
	examined.cmd.Path, examined.cmd.Dir = copyProgram(t), "/"
	if os.Geteuid() == 0 {
		examined.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someUser, Gid: someUser}}
	}
	examined.start()
	for _, check := range []string{"runtime-directory", "socket", "credentials-directory"} {
		require.Contains(t, examined.line(), check+": ")
		examined.line() // the remedy
	}
	require.Equal(t, "3 problems in 6 checks.", examined.line())
	_ = examined.cmd.Wait() // the exit code says it better
	require.Equal(t, 1, examined.cmd.ProcessState.ExitCode())
}

// publish publishes an event as the user that the server is of.
func publish(t *testing.T, dir string) {
	t.Helper()
	b := attachTo(t, dir)
	require.NoError(t, b.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: 4711, Name: "p"}}))
	require.NoError(t, b.Flush(t.Context()))
}
