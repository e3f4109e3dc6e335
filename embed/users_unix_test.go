//go:build unix

package embed_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// someUser is one that has nothing to do with who runs the tests.
const someUser = 54321

// TestAnotherUser runs a client that is really another user, if this one may do that. It may in CI; a user who may not is at least
// told apart from others.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		for uid, want := range map[int]string{os.Geteuid(): embed.Agent, 0: embed.Agent, someUser: embed.Observer, someUser + 1: ""} {
			got, err := embed.UserRole(&embed.Options{Socket: newSocket(t), Users: map[int]string{someUser: embed.Observer}}, uid)
			require.NoError(t, err)
			require.Equal(t, want, got, "user %d", uid)
		}
		return
	}
	binary := copySelf(t)
	for name, c := range map[string]struct {
		users map[int]string
		want  string
	}{
		"no users":      {nil, "SUB no way\nSUB no way\nPUB no way\ndone\n"},
		"another user":  {map[int]string{someUser + 1: embed.Observer}, "SUB refused\nSUB refused\nPUB refused\ndone\n"},
		"an observer":   {map[int]string{someUser: embed.Observer}, "SUB allowed\nSUB forbidden\nPUB forbidden\ndone\n"},
		"a trusted one": {map[int]string{someUser: embed.Trusted}, "SUB allowed\nSUB allowed\nPUB allowed\ndone\n"},
	} {
		// Others pass the directory above, and that of the server is made by the server.
		above := filepath.Dir(newSocket(t))
		require.NoError(t, os.Chmod(above, 0o711))
		socket := filepath.Join(above, "d", "s")
		server := start(t, &embed.Options{Socket: socket, Users: c.users})
		directory, file := os.FileMode(0o711), os.FileMode(0o666)
		if c.users == nil {
			directory, file = 0o700, 0o600
		}
		require.Equal(t, directory, mode(t, filepath.Dir(socket)).Perm(), name)
		require.Equal(t, file, mode(t, socket).Perm(), name)
		require.Equal(t, os.FileMode(0o600), mode(t, rendezvous.TokenFile(socket)).Perm(), name)
		require.Equal(t, os.FileMode(0o700), mode(t, server.Credentials()).Perm(), name)

		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Env = []string{helperVisit + "=" + socket}
		cmd.Dir = above
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someUser, Gid: someUser}}
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, said)
		require.Equal(t, c.want, string(said), name)
		require.FileExists(t, socket, name)
		stop(t, server)
	}
}

// copySelf returns the path of a copy of the test binary that every user may run.
func copySelf(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(self)
	require.NoError(t, err)
	dir := filepath.Dir(newSocket(t))
	require.NoError(t, os.Chmod(dir, 0o711))
	path := filepath.Join(dir, "visitor")
	require.NoError(t, os.WriteFile(path, content, 0o755))
	require.NoError(t, os.Chmod(path, 0o755))
	return path
}
