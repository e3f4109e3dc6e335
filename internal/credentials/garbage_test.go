package credentials_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/credentials"
)

// What is no credential is skipped and named, and what is one is still there.
func TestGarbageIsSkippedAndReported(t *testing.T) {
	store := open(t)
	good, seed, err := store.Make(t.Context(), "good", "observer", true)
	require.NoError(t, err)
	line, err := os.ReadFile(filepath.Join(store.Dir(), "good.pub"))
	require.NoError(t, err)
	path := func(name string) string { return filepath.Join(store.Dir(), name) }

	for name, content := range map[string]string{
		"README":      "hello",
		"UPPER.pub":   string(line),
		".hidden.pub": string(line),
		"empty.pub":   "",
		"half.pub":    string(line[:len(line)/2]),
		"seed.pub":    string(seed),
		"twice.pub":   string(line) + string(line),
		"large.pub":   strings.Repeat("x", 1<<20),
		"x.nk.new":    "not one of ours",
	} {
		write(t, path(name), content)
	}
	require.NoError(t, os.Mkdir(path("dir.pub"), 0o700))
	for _, loaded := range []func() ([]credentials.Credential, []error){
		func() ([]credentials.Credential, []error) {
			all, skipped, err := store.List(t.Context())
			require.NoError(t, err)
			return all, skipped
		},
		func() (all []credentials.Credential, _ []error) {
			snapshot, err := store.Load()
			require.NoError(t, err)
			for _, c := range snapshot.Keys {
				all = append(all, c)
			}
			return all, snapshot.Skipped
		},
	} {
		all, skipped := loaded()
		require.Equal(t, []credentials.Credential{good}, all)
		require.Len(t, skipped, 10)
		for _, err := range skipped {
			require.ErrorContains(t, err, store.Dir())
			require.NotContains(t, err.Error(), string(seed))
			require.NotContains(t, err.Error(), good.Public)
		}
	}
	// They stand in nobody's way, and what has the name of a credential can be revoked.
	_, _, err = store.Make(t.Context(), "new", "agent", true)
	require.NoError(t, err)
	_, err = store.Ensure(t.Context(), "half", "agent")
	require.ErrorContains(t, err, path("half.pub"))
	_, _, err = store.Make(t.Context(), "half", "agent", true)
	require.ErrorIs(t, err, credentials.ErrExists)
	_, _, err = store.Rotate(t.Context(), "half")
	require.ErrorContains(t, err, path("half.pub"))
	for _, name := range []string{"half", "empty", "seed", "twice", "large", "dir"} {
		require.NoError(t, store.Revoke(t.Context(), name))
	}
	_, skipped, err := store.List(t.Context())
	require.NoError(t, err)
	require.Len(t, skipped, 4)
}

func TestASeedThatCannotBeUsedIsReported(t *testing.T) {
	store := open(t)
	made, _, err := store.Make(t.Context(), "me", "observer", true)
	require.NoError(t, err)
	write(t, store.SeedFile("me"), "garbage")
	all, skipped, err := store.List(t.Context())
	require.NoError(t, err)
	require.Len(t, skipped, 1)
	require.ErrorContains(t, skipped[0], store.SeedFile("me")+": does not hold the seed")
	made.HasSeed = false
	require.Equal(t, []credentials.Credential{made}, all)
	rotated, _, err := store.Rotate(t.Context(), "me")
	require.NoError(t, err)
	require.True(t, rotated.HasSeed, "it was kept, so it is kept again")
	require.Equal(t, []credentials.Credential{rotated}, list(t, store))
}

func TestAKeyBelongsToOneCredential(t *testing.T) {
	store := open(t)
	made, _, err := store.Make(t.Context(), "b", "observer", true)
	require.NoError(t, err)
	line, err := os.ReadFile(filepath.Join(store.Dir(), "b.pub"))
	require.NoError(t, err)
	write(t, filepath.Join(store.Dir(), "c.pub"), strings.Replace(string(line), "observer", "agent", 1))
	snapshot, err := store.Load()
	require.NoError(t, err)
	require.Equal(t, map[string]credentials.Credential{made.Public: made}, snapshot.Keys)
	require.Len(t, snapshot.Skipped, 1)
	require.ErrorContains(t, snapshot.Skipped[0], "c.pub: has the same key as b.pub")
}
