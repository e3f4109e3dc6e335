package credentials_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/daemoneye/eventbus/internal/credentials"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns a new store.
func open(t testing.TB) *credentials.Store {
	t.Helper()
	store, err := credentials.Open(filepath.Join(t.TempDir(), "credentials"))
	require.NoError(t, err)
	return store
}

// list returns what is there, and requires that nothing else is.
func list(t testing.TB, store *credentials.Store) []credentials.Credential {
	t.Helper()
	all, skipped, err := store.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, skipped)
	return all
}

// load returns what a server sees, and requires that nothing else is there.
func load(t testing.TB, store *credentials.Store) map[string]credentials.Credential {
	t.Helper()
	snapshot, err := store.Load()
	require.NoError(t, err)
	require.Empty(t, snapshot.Skipped)
	return snapshot.Keys
}

// public returns the public key of a seed.
func public(t testing.TB, seed []byte) string {
	t.Helper()
	key, err := credentials.Public(seed)
	require.NoError(t, err)
	return key
}

// files returns the names of all files of a store.
func files(t testing.TB, store *credentials.Store) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(store.Dir())
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func write(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}
