package credentials_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A client of NATS takes the file as it is, and a server the key.
func TestANATSClientTakesTheSeedFile(t *testing.T) {
	store := open(t)
	made, err := store.Ensure(t.Context(), "observer", "observer")
	require.NoError(t, err)
	natsServer, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, Nkeys: []*server.NkeyUser{{Nkey: made.Public}},
	})
	require.NoError(t, err)
	natsServer.Start()
	defer func() { natsServer.Shutdown(); natsServer.WaitForShutdown() }()
	require.True(t, natsServer.ReadyForConnections(20*time.Second))

	connect := func() error {
		option, err := nats.NkeyOptionFromSeed(store.SeedFile("observer"))
		require.NoError(t, err)
		conn, err := nats.Connect(natsServer.ClientURL(), option)
		if err == nil {
			conn.Close()
		}
		return err
	}
	require.NoError(t, connect())
	_, _, err = store.Rotate(t.Context(), "observer")
	require.NoError(t, err)
	require.ErrorIs(t, connect(), nats.ErrAuthorization, "the old key is no longer there")
}
