//go:build unix

package rendezvous_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

func ownDir() string { return "eventbus-" + strconv.Itoa(os.Geteuid()) }

// privateDir returns a directory of mode 0700 with a short name.
func privateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// requirePlaceError checks that an error names the path and says what is wrong with it.
func requirePlaceError(t *testing.T, err error, path, reason string) {
	t.Helper()
	var place *rendezvous.Error
	require.ErrorAs(t, err, &place)
	require.Equal(t, path, place.Path)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, reason)
}

func TestPrepareDir(t *testing.T) {
	base := privateDir(t)

	t.Run("makes it and its parents private", func(t *testing.T) {
		dir := filepath.Join(base, "a", "b")
		require.NoError(t, rendezvous.PrepareDir(dir))
		require.NoError(t, rendezvous.PrepareDir(dir), "again")
		for _, d := range []string{dir, filepath.Dir(dir)} {
			info, err := os.Lstat(d)
			require.NoError(t, err)
			require.Equal(t, fs.ModeDir|0o700, info.Mode())
		}
	})
	for _, mode := range []fs.FileMode{0o750, 0o701, 0o777, 0o720} {
		t.Run("refuses mode "+mode.String(), func(t *testing.T) {
			dir := filepath.Join(base, mode.String())
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, os.Chmod(dir, mode))
			requirePlaceError(t, rendezvous.PrepareDir(dir), dir, "lets other users in")
			info, err := os.Lstat(dir)
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode().Perm(), "unchanged")
		})
	}
	t.Run("refuses a link", func(t *testing.T) {
		link := filepath.Join(base, "link")
		require.NoError(t, os.Symlink(privateDir(t), link))
		requirePlaceError(t, rendezvous.PrepareDir(link), link, "symbolic link")
	})
	t.Run("refuses a file", func(t *testing.T) {
		file := filepath.Join(base, "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		requirePlaceError(t, rendezvous.PrepareDir(file), file, "not a directory")
	})
	t.Run("refuses another user's directory", func(t *testing.T) {
		theirs := foreignDir(t)
		requirePlaceError(t, rendezvous.PrepareDir(theirs), theirs, "belongs to user")
	})
	t.Run("cannot be made", func(t *testing.T) {
		dir := filepath.Join(base, "file", "below")
		require.ErrorContains(t, rendezvous.PrepareDir(dir), filepath.Join(base, "file"), "names what is in the way")
	})
}

// foreignDir returns a directory that belongs to somebody else: root's for a user, one given away for root.
func foreignDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return "/"
	}
	dir := privateDir(t)
	require.NoError(t, os.Chown(dir, 65534, 65534))
	return dir
}

func writeToken(t *testing.T, content string, mode fs.FileMode) (socket string) {
	t.Helper()
	socket = filepath.Join(privateDir(t), "s")
	require.NoError(t, os.WriteFile(rendezvous.TokenFile(socket), []byte(content), 0o600))
	require.NoError(t, os.Chmod(rendezvous.TokenFile(socket), mode))
	return socket
}

func TestReadToken(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		token, err := rendezvous.ReadToken(writeToken(t, "secret\n", mode))
		require.NoError(t, err)
		require.Equal(t, "secret", token)
	}
}

func TestReadTokenRefuses(t *testing.T) {
	t.Run("files that others can read or write", func(t *testing.T) {
		for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o666} {
			socket := writeToken(t, "secret", mode)
			_, err := rendezvous.ReadToken(socket)
			requirePlaceError(t, err, rendezvous.TokenFile(socket), "lets other users in")
		}
	})
	t.Run("files without a token", func(t *testing.T) {
		for _, content := range []string{"", " \n"} {
			socket := writeToken(t, content, 0o600)
			_, err := rendezvous.ReadToken(socket)
			requirePlaceError(t, err, rendezvous.TokenFile(socket), "does not hold a token")
		}
	})
	t.Run("files that are too large for one", func(t *testing.T) {
		socket := writeToken(t, strings.Repeat("x", 5000), 0o600)
		_, err := rendezvous.ReadToken(socket)
		requirePlaceError(t, err, rendezvous.TokenFile(socket), "has more than 4096 bytes")
	})
	t.Run("links", func(t *testing.T) {
		socket := writeToken(t, "secret", 0o600)
		link := filepath.Join(privateDir(t), "s")
		require.NoError(t, os.Symlink(rendezvous.TokenFile(socket), rendezvous.TokenFile(link)))
		_, err := rendezvous.ReadToken(link)
		requirePlaceError(t, err, rendezvous.TokenFile(link), "symbolic link")
	})
	t.Run("pipes, without waiting for a writer", func(t *testing.T) {
		socket := filepath.Join(privateDir(t), "s")
		require.NoError(t, syscall.Mkfifo(rendezvous.TokenFile(socket), 0o600))
		_, err := rendezvous.ReadToken(socket)
		requirePlaceError(t, err, rendezvous.TokenFile(socket), "not a regular file")
	})
	t.Run("files in a directory that others can enter", func(t *testing.T) {
		socket := writeToken(t, "secret", 0o600)
		dir := filepath.Dir(socket)
		require.NoError(t, os.Chmod(dir, 0o755))
		_, err := rendezvous.ReadToken(socket)
		requirePlaceError(t, err, dir, "lets other users in")
	})
	t.Run("what is not there", func(t *testing.T) {
		_, err := rendezvous.ReadToken(filepath.Join(privateDir(t), "s"))
		require.ErrorIs(t, err, fs.ErrNotExist)
		_, err = rendezvous.ReadToken(filepath.Join(privateDir(t), "none", "s"))
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

func TestPeerCredentials(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(privateDir(t), "s"))
	require.NoError(t, err)
	defer listener.Close()
	client, err := net.Dial("unix", listener.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	server, err := listener.Accept()
	require.NoError(t, err)
	defer server.Close()
	for _, conn := range []net.Conn{client, server} {
		uid, pid, ok := rendezvous.PeerCredentials(conn)
		require.Equal(t, rendezvous.PeerCredentialsSupported, ok)
		if ok {
			require.Equal(t, os.Geteuid(), uid)
			require.Equal(t, os.Getpid(), pid)
		}
	}
	require.NoError(t, client.Close())
	_, _, ok := rendezvous.PeerCredentials(client)
	require.False(t, ok, "closed")

	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	_, _, ok = rendezvous.PeerCredentials(one)
	require.False(t, ok, "no unix connection")
}
