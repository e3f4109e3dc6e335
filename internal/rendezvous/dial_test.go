package rendezvous_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

func TestDialReachesAServerOfThisUser(t *testing.T) {
	dir, err := os.MkdirTemp("", "eb")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	socket := filepath.Join(dir, "s")
	_, err = rendezvous.Dial(t.Context(), socket, time.Second, 0)
	require.ErrorIs(t, err, fs.ErrNotExist)
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	conn, err := rendezvous.Dial(t.Context(), socket, time.Second, 0)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	owner, ok := rendezvous.Owner(socket)
	require.True(t, ok)
	require.Equal(t, os.Geteuid(), owner)
	_, ok = rendezvous.Owner(socket + ".none")
	require.False(t, ok)
}

func TestTheFileOfAProxyIsRemovedByItsProxyAlone(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	socket := filepath.Join(dir, "s")
	removeFirst, err := rendezvous.WriteProxy(socket, "nats://127.0.0.1:1")
	require.NoError(t, err)
	removeSecond, err := rendezvous.WriteProxy(socket, "nats://127.0.0.1:2")
	require.NoError(t, err)
	require.NoError(t, removeFirst())
	url, err := rendezvous.ReadProxy(socket)
	require.NoError(t, err)
	require.Equal(t, "nats://127.0.0.1:2", url)
	require.NoError(t, removeSecond())
	_, err = rendezvous.ReadProxy(socket)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
