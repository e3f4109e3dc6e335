//go:build unix

package credentials_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/credentials"
)

func TestOpenMakesThePlacePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		store, err := credentials.Open(dir)
		require.NoError(t, err)
		require.Equal(t, dir, store.Dir())
	}
	info, err := os.Lstat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.ModeDir|0o700, info.Mode())
}

func TestOpenRefusesAPlaceThatOthersCanEnter(t *testing.T) {
	for _, mode := range []fs.FileMode{0o750, 0o701, 0o777} {
		dir := t.TempDir()
		require.NoError(t, os.Chmod(dir, mode))
		_, err := credentials.Open(dir)
		require.ErrorContains(t, err, dir)
		require.ErrorContains(t, err, "lets other users in")
	}
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(open(t).Dir(), link))
	_, err := credentials.Open(link)
	require.ErrorContains(t, err, "symbolic link")
}

// A server that runs looks again: modes can change.
func TestLoadRefusesAPlaceThatOthersCanEnter(t *testing.T) {
	store := open(t)
	require.NoError(t, os.Chmod(store.Dir(), 0o755))
	_, err := store.Load()
	require.ErrorContains(t, err, store.Dir()+": has mode 0755")
	require.NoError(t, os.Chmod(store.Dir(), 0o700))
}

// The umask of the tests' parent may be any: files have mode 0600.
func TestFilesArePrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	store := open(t)
	for _, umask := range []int{0, 0o277} {
		syscall.Umask(umask)
		_, err := store.Ensure(t.Context(), "me", "observer")
		require.NoError(t, err)
		_, _, err = store.Rotate(t.Context(), "me")
		require.NoError(t, err)
		for _, name := range files(t, store) {
			info, err := os.Lstat(filepath.Join(store.Dir(), name))
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o600), info.Mode(), name)
		}
	}
}

// A permission that others can write, or that is somewhere else, is none.
func TestPublicFilesThatAreNotPrivateAreSkipped(t *testing.T) {
	store := open(t)
	_, err := store.Ensure(t.Context(), "me", "observer")
	require.NoError(t, err)
	line, err := os.ReadFile(filepath.Join(store.Dir(), "me.pub"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(store.Dir(), "me.nk")))

	require.NoError(t, os.Chmod(filepath.Join(store.Dir(), "me.pub"), 0o622))
	elsewhere := filepath.Join(t.TempDir(), "line")
	write(t, elsewhere, string(line))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(store.Dir(), "link.pub")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(store.Dir(), "pipe.pub"), 0o600))

	all, skipped, err := store.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, all)
	require.Len(t, skipped, 3)
	snapshot, err := store.Load()
	require.NoError(t, err)
	require.Empty(t, snapshot.Keys)
	require.Len(t, snapshot.Skipped, 3)
}

func TestReadSeedRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "seed")
	_, seed, err := open(t).Make(t.Context(), "me", "observer", false)
	require.NoError(t, err)

	for content, ok := range map[string]bool{
		string(seed): true, string(seed) + "\n": true, " " + string(seed) + "\r\n": true,
		"": false, "garbage": false, string(seed[:57]): false, string(seed) + "A": false,
		string(seed) + "\n" + string(seed): false, string(seed[:20]) + "\n" + string(seed[20:]): false,
		string(accountSeed(t)): false,
		"-----BEGIN USER NKEY SEED-----\n" + string(seed) + "\n------END USER NKEY SEED------\n": false,
	} {
		write(t, path, content)
		read, err := credentials.ReadSeed(path)
		if ok {
			require.NoError(t, err)
			require.Equal(t, seed, read)
			continue
		}
		require.EqualError(t, err, path+": does not hold the seed of a user and nothing else")
		require.Nil(t, read)
	}
	write(t, path, string(seed))
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o666} {
		require.NoError(t, os.Chmod(path, mode))
		_, err := credentials.ReadSeed(path)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "lets other users in")
	}
	require.NoError(t, os.Chmod(path, 0o400))
	_, err = credentials.ReadSeed(path)
	require.NoError(t, err)

	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(path, link))
	_, err = credentials.ReadSeed(link)
	require.ErrorContains(t, err, link+": is a symbolic link")
	_, err = credentials.ReadSeed(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = credentials.ReadSeed(dir)
	require.ErrorContains(t, err, dir)
}

func accountSeed(t *testing.T) []byte {
	t.Helper()
	pair, err := nkeys.CreateAccount()
	require.NoError(t, err)
	seed, err := pair.Seed()
	require.NoError(t, err)
	return seed
}
