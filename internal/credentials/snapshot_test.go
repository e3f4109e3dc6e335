package credentials_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/credentials"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// quiet makes it look as if nothing had changed in the directory for a while.
func quiet(t *testing.T, store *credentials.Store) {
	t.Helper()
	before := time.Now().Add(-time.Minute)
	require.NoError(t, os.Chtimes(store.Dir(), before, before))
}

func TestChanged(t *testing.T) {
	store := open(t)
	change := map[string]func() error{
		"ensure": func() error { _, err := store.Ensure(t.Context(), "a", "agent"); return err },
		"make":   func() error { _, _, err := store.Make(t.Context(), "b", "agent", false); return err },
		"rotate": func() error { _, _, err := store.Rotate(t.Context(), "b"); return err },
		"revoke": func() error { return store.Revoke(t.Context(), "b") },
		"by hand": func() error {
			return os.Remove(filepath.Join(store.Dir(), "a.pub"))
		},
	}
	for _, what := range []string{"ensure", "make", "rotate", "revoke", "by hand"} {
		t.Run(what, func(t *testing.T) {
			quiet(t, store)
			snapshot, err := store.Load()
			require.NoError(t, err)
			require.False(t, store.Changed(snapshot))
			require.False(t, store.Changed(snapshot), "still")
			require.NoError(t, change[what]())
			require.True(t, store.Changed(snapshot))
		})
	}
}

// Two changes may get the same time. So what was read right after a change is not relied on.
func TestASnapshotRightAfterAChangeIsNotRelied(t *testing.T) {
	store := open(t)
	_, err := store.Ensure(t.Context(), "a", "agent")
	require.NoError(t, err)
	snapshot, err := store.Load()
	require.NoError(t, err)
	require.True(t, store.Changed(snapshot))

	// Nor is it if the directory's time is not yet come: then its clock is another one.
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(store.Dir(), later, later))
	snapshot, err = store.Load()
	require.NoError(t, err)
	require.True(t, store.Changed(snapshot))
}

func TestADirectoryThatIsGoneHasNoCredentials(t *testing.T) {
	store := open(t)
	_, err := store.Ensure(t.Context(), "a", "agent")
	require.NoError(t, err)
	quiet(t, store)
	full, err := store.Load()
	require.NoError(t, err)
	require.Len(t, full.Keys, 1)
	require.NoError(t, os.RemoveAll(store.Dir()))
	require.True(t, store.Changed(full))
	empty, err := store.Load()
	require.NoError(t, err)
	require.Empty(t, empty.Keys)
	require.False(t, store.Changed(empty))
	_, err = credentials.Open(store.Dir())
	require.NoError(t, err)
	require.True(t, store.Changed(empty), "it is back")
}
