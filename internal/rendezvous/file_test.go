package rendezvous_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

func TestWritePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, content := range []string{"first", "second, which is longer", ""} {
		require.NoError(t, rendezvous.WritePrivate(path, []byte(content)))
		read, err := rendezvous.ReadPrivate(path, 100)
		require.NoError(t, err)
		require.Equal(t, content, string(read))
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 1, "nothing is left beside it")
	}
}

func TestWritePrivateReplacesALinkAndNotWhatItPointsTo(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(target, []byte("kept"), 0o600))
	require.NoError(t, os.Symlink(target, link))
	require.NoError(t, rendezvous.WritePrivate(link, []byte("new")))
	content, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "kept", string(content))
}

func TestWritePrivateThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in the way")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "full"), 0o700))
	require.ErrorContains(t, rendezvous.WritePrivate(path, []byte("x")), path)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.ErrorIs(t, rendezvous.WritePrivate(filepath.Join(dir, "none", "file"), nil), fs.ErrNotExist)
}

// Whoever reads while it is written sees the one or the other.
func TestWritePrivateIsOneStep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	contents := [][]byte{bytes.Repeat([]byte("a"), 10_000), bytes.Repeat([]byte("b"), 20_000)}
	require.NoError(t, rendezvous.WritePrivate(path, contents[0]))
	done := make(chan error, 1)
	go func() {
		for i := range 20 {
			if err := rendezvous.WritePrivate(path, contents[i%2]); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for {
		read, err := rendezvous.ReadPrivate(path, 1<<20)
		require.NoError(t, err)
		require.True(t, bytes.Equal(read, contents[0]) || bytes.Equal(read, contents[1]), "%d bytes", len(read))
		select {
		case err := <-done:
			require.NoError(t, err)
			return
		default:
		}
	}
}

func TestReadPrivateBoundsWhatItReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, rendezvous.WritePrivate(path, []byte("four")))
	_, err := rendezvous.ReadPrivate(path, 3)
	require.ErrorContains(t, err, path+": has more than 3 bytes")
	_, err = rendezvous.ReadPrivate(path, 4)
	require.NoError(t, err)
}

func TestIsUnfinished(t *testing.T) {
	for name, of := range map[string]string{"a.nk.123.new": "a.nk", "x.1.2.new": "x.1"} {
		got, ok := rendezvous.IsUnfinished(name)
		require.True(t, ok, name)
		require.Equal(t, of, got)
	}
	for _, name := range []string{"", "a.nk", "a.nk.new", ".1.new", "a.nk.12x.new", "a.nk.1.new~"} {
		_, ok := rendezvous.IsUnfinished(name)
		require.False(t, ok, name)
	}
}

func TestReadListen(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	socket := filepath.Join(dir, "s")
	_, err := rendezvous.ReadListen(socket)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, rendezvous.WritePrivate(rendezvous.ListenFile(socket), []byte("nats://127.0.0.1:4222\n")))
	url, err := rendezvous.ReadListen(socket)
	require.NoError(t, err)
	require.Equal(t, "nats://127.0.0.1:4222", url)
	require.NoError(t, rendezvous.WritePrivate(rendezvous.ListenFile(socket), []byte("\n")))
	_, err = rendezvous.ReadListen(socket)
	require.ErrorContains(t, err, rendezvous.ListenFile(socket)+": does not hold a URL")
}
