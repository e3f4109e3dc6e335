package natsbus_test

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/natsbus"
)

// hanging returns the address of a listener whose queue is full, so that the next connection to it is neither taken nor refused.
func hanging(t *testing.T) string {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Close(fd)) })
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0))
	name, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for range 10 {
		conn, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { require.NoError(t, conn.Close()) })
	}
	t.Fatal("a listener without a queue takes ten connections")
	return ""
}

// TestTheConnectTimeoutHoldsWithASeed: with a seed, this package dials, and not nats.go.
func TestTheConnectTimeoutHoldsWithASeed(t *testing.T) {
	key, err := nkeys.CreateUser()
	require.NoError(t, err)
	seed, err := key.Seed()
	require.NoError(t, err)
	file := t.TempDir() + "/user.nk"
	require.NoError(t, os.WriteFile(file, seed, 0o600))
	address := hanging(t)
	for _, credentials := range []string{"", file} {
		began := time.Now()
		_, err = natsbus.Connect(t.Context(), "nats://"+address, &natsbus.Options{Credentials: credentials, ConnectTimeout: 200 * time.Millisecond})
		require.Error(t, err)
		require.Less(t, time.Since(began), time.Second)
	}
}
