package embed_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

func TestNilOptionsUseTheUsersOwnPlace(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", filepath.Dir(newSocket(t)))
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	want, err := rendezvous.DefaultSocket()
	require.NoError(t, err)
	server, err := embed.Start(t.Context(), nil)
	require.NoError(t, err)
	defer stop(t, server)
	require.Equal(t, want, server.Socket())
	require.Empty(t, server.URL())
	require.NoError(t, connectSocket(t, server).Flush())
}

func TestInvalidOptions(t *testing.T) {
	for _, c := range []struct {
		options embed.Options
		field   string
		value   string
	}{
		{embed.Options{Listen: "0.0.0.0:4222"}, "Listen", "0.0.0.0:4222"},
		{embed.Options{Listen: ":4222"}, "Listen", ":4222"},
		{embed.Options{Listen: "[::]:0"}, "Listen", "[::]:0"},
		{embed.Options{Listen: "192.0.2.1:4222"}, "Listen", "192.0.2.1:4222"},
		{embed.Options{Listen: "example.org:4222"}, "Listen", "example.org:4222"},
		{embed.Options{Listen: "127.0.0.1"}, "Listen", "127.0.0.1"},
		{embed.Options{Listen: "127.0.0.1:nats"}, "Listen", "127.0.0.1:nats"},
		{embed.Options{Listen: "127.0.0.1:65536"}, "Listen", "127.0.0.1:65536"},
		{embed.Options{Listen: "127.0.0.1:-1"}, "Listen", "127.0.0.1:-1"},
		{embed.Options{Name: "two words"}, "Name", "two words"},
		{embed.Options{MaxPayload: -1}, "MaxPayload", "-1"},
		{embed.Options{MaxPayload: 64<<20 + 1}, "MaxPayload", "67108865"},
		{embed.Options{MaxPayload: 4096, MaxPending: 1024}, "MaxPending", "1024"},
		{embed.Options{MaxPending: -1}, "MaxPending", "-1"},
		{embed.Options{MaxConnections: -1}, "MaxConnections", "-1"},
		{embed.Options{MaxSubscriptions: -1}, "MaxSubscriptions", "-1"},
		{embed.Options{WriteDeadline: -1}, "WriteDeadline", "-1"},
		{embed.Options{AuthTimeout: -1}, "AuthTimeout", "-1"},
		{embed.Options{PingInterval: -1}, "PingInterval", "-1"},
	} {
		c.options.NoSocket = true
		_, err := embed.Start(t.Context(), &c.options)
		var invalid *embed.OptionError
		require.ErrorAs(t, err, &invalid, "%+v", c.options)
		require.Equal(t, c.field, invalid.Field)
		require.Equal(t, c.value, invalid.Value)
		require.ErrorContains(t, err, c.field)
		require.ErrorContains(t, err, c.value)
	}
}

func TestLoopbackAddresses(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "localhost:0"} {
		server := start(t, nil, func(o *embed.Options) { o.Listen = listen })
		require.Regexp(t, `^nats://127\.0\.0\.1:[1-9][0-9]+$`, server.URL())
		require.NoError(t, connectLoopback(t, server).Flush())
	}
}

func TestPortInUseIsAnError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	socket := newSocket(t)
	_, err = embed.Start(t.Context(), &embed.Options{Socket: socket, Listen: taken.Addr().String()})
	require.ErrorContains(t, err, taken.Addr().String())
	requireNoFiles(t, socket)
}

func TestNoFilesWithoutWaysIn(t *testing.T) {
	runtimeDir := filepath.Dir(newSocket(t))
	t.Setenv("XDG_RUNTIME_DIR", runtimeDir)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	server, err := embed.Start(t.Context(), &embed.Options{NoSocket: true})
	require.NoError(t, err)
	defer stop(t, server)
	requireNoFiles(t, filepath.Join(runtimeDir, "none"))
	require.Empty(t, server.Socket())
	require.NoError(t, connectBus(t, server).Flush())
}

func TestStartWithAContextThatHasEnded(t *testing.T) {
	socket := newSocket(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := embed.Start(ctx, &embed.Options{Socket: socket})
	require.ErrorIs(t, err, context.Canceled)
	requireNoFiles(t, socket)

	ctx, cancel = context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err = embed.Start(ctx, &embed.Options{Socket: socket, Listen: "127.0.0.1:0"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireNoFiles(t, socket)
}

// TestTheContextOfStartDoesNotLimitTheServer guards a promise that is easy to break by handing the context on.
func TestTheContextOfStartDoesNotLimitTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server, err := embed.Start(ctx, &embed.Options{Socket: newSocket(t)})
	require.NoError(t, err)
	defer stop(t, server)
	cancel()
	require.NoError(t, connectSocket(t, server).Flush())
}

// TestNoDefaultOfTheNATSServerIsLeftToChance checks what cannot be seen from outside, or only when it goes wrong.
func TestNoDefaultOfTheNATSServerIsLeftToChance(t *testing.T) {
	o, err := embed.NATSOptions(&embed.Options{NoSocket: true})
	require.NoError(t, err)
	require.True(t, o.DontListen)
	require.True(t, o.NoSigs, "signals belong to the program")
	require.True(t, o.NoFastProducerStall, "a slow client must not slow down publishers")
	require.False(t, o.JetStream)
	require.Zero(t, o.HTTPPort)
	require.Zero(t, o.ProfPort)
	require.Empty(t, o.StoreDir)
	require.Empty(t, o.PortsFileDir)
	require.NotNil(t, o.CustomClientAuthentication)
	require.Positive(t, o.MaxConn)
	require.Positive(t, o.MaxSubs)
	require.Positive(t, o.MaxPending)
	require.Positive(t, o.WriteDeadline)
	again, err := embed.NATSOptions(&embed.Options{NoSocket: true})
	require.NoError(t, err)
	require.NotSame(t, o, again)
	require.NotSame(t, o.Accounts[0], again.Accounts[0])
}
