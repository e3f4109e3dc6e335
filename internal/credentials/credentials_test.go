package credentials_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{"a", "0", "_", "-", "process-2", strings.Repeat("x", 64)} {
		require.NoError(t, credentials.CheckName("name", name))
	}
	for _, name := range []string{"", "A", "a b", "a.b", "../a", "a/b", "a\n", "ä", strings.Repeat("x", 65)} {
		var invalid *credentials.InvalidError
		require.ErrorAs(t, credentials.CheckName("role", name), &invalid, name)
		require.Equal(t, "role", invalid.Field)
		require.Equal(t, name, invalid.Value)
	}
}

func TestEveryMethodChecksNames(t *testing.T) {
	store := open(t)
	for _, bad := range []string{"", "../x", "A"} {
		var invalid *credentials.InvalidError
		_, err := store.Ensure(t.Context(), bad, "observer")
		require.ErrorAs(t, err, &invalid)
		_, err = store.Ensure(t.Context(), "observer", bad)
		require.ErrorAs(t, err, &invalid)
		_, _, err = store.Make(t.Context(), bad, "observer", true)
		require.ErrorAs(t, err, &invalid)
		_, _, err = store.Make(t.Context(), "observer", bad, true)
		require.ErrorAs(t, err, &invalid)
		_, _, err = store.Rotate(t.Context(), bad)
		require.ErrorAs(t, err, &invalid)
		require.ErrorAs(t, store.Revoke(t.Context(), bad), &invalid)
	}
	require.Empty(t, files(t, store))
}

func TestDir(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", home)
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	usual, err := rendezvous.DefaultSocket()
	require.NoError(t, err)
	for socket, want := range map[string]string{
		"":                                      filepath.Join(home, "state", "eventbus", "credentials"),
		usual:                                   filepath.Join(home, "state", "eventbus", "credentials"),
		filepath.Dir(usual) + "//eventbus.sock": filepath.Join(home, "state", "eventbus", "credentials"),
		"/run/x/other.sock":                     "/run/x/other.sock.credentials",
		"other.sock":                            "other.sock.credentials",
	} {
		dir, err := credentials.Dir(socket)
		require.NoError(t, err)
		require.Equal(t, want, dir, "of %q", socket)
	}
	entries, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, entries, "it touches no file")
}
