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

// TestSystemdIsTold is systemd's end of Type=notify with WatchdogSec.
func TestSystemdIsTold(t *testing.T) {
	dir := runtimeDir(t)
	name := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	require.NoError(t, err)
	defer manager.Close()
	require.NoError(t, manager.SetReadDeadline(time.Now().Add(patience)))
	cmd := command(dir)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=50000", "EVENTBUS_COLLECT__FILES=false")
	c := launch(t, cmd)

	// await waits for a message; before it, there are none but those of the watchdog.
	await := func(want string) {
		buffer := make([]byte, 256)
		for {
			n, err := manager.Read(buffer)
			require.NoError(t, err, c.stderr)
			if string(buffer[:n]) == want {
				return
			}
			require.Equal(t, "WATCHDOG=1", string(buffer[:n]))
		}
	}
	await("READY=1")
	require.FileExists(t, socketIn(dir)+".token", "who comes after it finds the bus")
	for range 3 {
		await("WATCHDOG=1")
	}
	c.signal(t, syscall.SIGHUP)
	await("RELOADING=1")
	await("READY=1")
	c.signal(t, syscall.SIGTERM)
	await("STOPPING=1")
	c.signal(t, syscall.SIGHUP) // which does not end the end
	require.Equal(t, 0, c.wait(t))
}
