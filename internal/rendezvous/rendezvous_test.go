package rendezvous_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

func TestDefaultSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		socket, err := rendezvous.DefaultSocket()
		require.NoError(t, err)
		require.Equal(t, "eventbus.sock", filepath.Base(socket))
		return
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for value, want := range map[string]string{
		filepath.Join(dir, "run"): filepath.Join(dir, "run", "eventbus", "eventbus.sock"),
		"":                        filepath.Join(dir, ownDir(), "eventbus.sock"),
		"relative/is/ignored":     filepath.Join(dir, ownDir(), "eventbus.sock"),
	} {
		t.Setenv("XDG_RUNTIME_DIR", value)
		socket, err := rendezvous.DefaultSocket()
		require.NoError(t, err)
		require.Equal(t, want, socket)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries, "it touches no file")
}

func TestFilesBelongToTheSocketAlone(t *testing.T) {
	seen := map[string]bool{}
	for _, socket := range []string{"/run/a", "/run/a.sock", "/run/b"} {
		for _, path := range []string{rendezvous.TokenFile(socket), rendezvous.ListenFile(socket)} {
			require.Equal(t, filepath.Dir(socket), filepath.Dir(path))
			require.False(t, seen[path], path)
			seen[path] = true
		}
	}
}

func TestCheckSocketPath(t *testing.T) {
	longest := "/" + strings.Repeat("x", rendezvous.MaxSocketPath-1)
	require.NoError(t, rendezvous.CheckSocketPath(longest))
	for _, path := range []string{"", longest + "x"} {
		var place *rendezvous.Error
		require.ErrorAs(t, rendezvous.CheckSocketPath(path), &place)
	}
	require.ErrorContains(t, rendezvous.CheckSocketPath(longest+"x"), longest+"x")
}
