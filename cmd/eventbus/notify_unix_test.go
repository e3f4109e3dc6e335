//go:build unix

package main_test

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestServeTellsSystemd is systemd's end of Type=notify.
func TestServeTellsSystemd(t *testing.T) {
	dir := runtimeDir(t)
	name := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	require.NoError(t, err)
	defer manager.Close()
	require.NoError(t, manager.SetReadDeadline(time.Now().Add(patience)))
	buffer := make([]byte, 256)
	next := func() string {
		n, err := manager.Read(buffer)
		require.NoError(t, err)
		return string(buffer[:n])
	}
	served := prepare(t, dir, "serve")
	served.cmd.Env = append(served.cmd.Env, "NOTIFY_SOCKET="+name)
	served.start()
	require.Equal(t, "READY=1", next())
	require.FileExists(t, socketIn(dir)+".token")
	require.NoError(t, served.cmd.Process.Signal(syscall.SIGHUP))
	require.Equal(t, "RELOADING=1", next())
	require.Equal(t, "READY=1", next())
	require.NoError(t, served.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, "STOPPING=1", next())
	code, said := served.end(syscall.SIGHUP) // which does not end the end
	require.Equal(t, 143, code, said)
}
