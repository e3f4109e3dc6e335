package embed_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
)

func TestWhoMayConnect(t *testing.T) {
	server, other := start(t, nil, withListener), start(t, nil)
	socket, pipe := nats.InProcessServer(dialer(server.Socket())), nats.InProcessServer(server)
	for _, c := range []struct {
		name   string
		url    string
		way    nats.Option
		token  string
		admits bool
	}{
		{name: "token through the socket", way: socket, token: server.Token(), admits: true},
		{name: "token through the listener", url: server.URL(), token: server.Token(), admits: true},
		{name: "token in process", way: pipe, token: server.Token(), admits: true},
		{name: "secret in process", way: pipe, token: server.Secret(), admits: true},
		{name: "secret through the socket", way: socket, token: server.Secret()},
		{name: "secret through the listener", url: server.URL(), token: server.Secret()},
		{name: "nothing through the socket, where the user counts", way: socket, admits: true},
		{name: "nothing through the listener", url: server.URL()},
		{name: "wrong token through the socket", way: socket, token: "wrong"},
		{name: "wrong token through the listener", url: server.URL(), token: "wrong"},
		{name: "part of the token", way: socket, token: server.Token()[1:]},
		{name: "another server's token", way: socket, token: other.Token()},
	} {
		t.Run(c.name, func(t *testing.T) {
			var options []nats.Option
			if c.way != nil {
				options = append(options, c.way)
			}
			if c.token != "" {
				options = append(options, nats.Token(c.token))
			}
			_, err := connect(t, c.url, options...)
			if c.admits {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			if c.way != nil { // over TCP the reason is lost if the client still writes when the server closes
				require.ErrorIs(t, err, nats.ErrAuthorization)
			}
		})
	}
}

// TestWhoMayConnectInProcess is apart because both ends of a pipe may write at once there, until the server gives up.
func TestWhoMayConnectInProcess(t *testing.T) {
	server, other := start(t, &embed.Options{WriteDeadline: 50 * time.Millisecond}), start(t, nil)
	for _, token := range []string{"", "wrong", other.Token(), other.Secret()} {
		_, err := connect(t, "", nats.InProcessServer(server), nats.Token(token))
		require.Error(t, err)
	}
	require.Zero(t, server.Clients())
}

// TestTheTokenStaysAClientInProcess: what counts is the credential, the way in only limits it.
func TestTheTokenStaysAClientInProcess(t *testing.T) {
	server := start(t, nil)
	conn, err := connect(t, "", nats.InProcessServer(server), nats.Token(server.Token()))
	require.NoError(t, err)
	require.Equal(t, 1, server.Clients())
	subscribe(t, conn, "events.>")
	require.Positive(t, server.Interest(topic))
}

func TestTokenInURL(t *testing.T) {
	server := start(t, nil, withListener)
	address, err := url.Parse(server.URL())
	require.NoError(t, err)
	address.User = url.User(server.Token())
	conn, err := connect(t, address.String())
	require.NoError(t, err)
	require.NoError(t, conn.Flush())
}

func TestSecretsAreNewEachTime(t *testing.T) {
	one, two := start(t, nil), start(t, nil)
	secrets := map[string]bool{one.Token(): true, one.Secret(): true, two.Token(): true, two.Secret(): true}
	require.Len(t, secrets, 4)
	for secret := range secrets {
		require.Len(t, secret, 43) // 32 bytes in base64 without padding
	}
}

func connectWatched(t *testing.T, server *embed.Server) (*nats.Conn, chan error) {
	errs := make(chan error, 8)
	return connectSocket(t, server, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err })), errs
}

func next(t *testing.T, errs chan error) error {
	t.Helper()
	select {
	case err := <-errs:
		return err
	case <-time.After(patience):
		require.Fail(t, "no error came")
		return nil
	}
}

// TestAuthTimeout: who does not authenticate does not keep a place.
func TestAuthTimeout(t *testing.T) {
	server := start(t, &embed.Options{AuthTimeout: 20 * time.Millisecond})
	conn, err := net.Dial("unix", server.Socket())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	lines := bufio.NewScanner(conn)
	require.True(t, lines.Scan())
	require.True(t, strings.HasPrefix(lines.Text(), "INFO "))
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), "-ERR")
	require.False(t, lines.Scan())
	require.NoError(t, lines.Err(), "the server closes the connection")
}

func TestMaxPayload(t *testing.T) {
	server := start(t, &embed.Options{MaxPayload: 1000})
	client := connectSocket(t, server)
	require.EqualValues(t, 1000+link.BatchOverhead, client.MaxPayload())
	require.ErrorIs(t, client.Publish(topic, make([]byte, 1001+link.BatchOverhead)), nats.ErrMaxPayload)
	require.EqualValues(t, 256<<10+link.BatchOverhead, connectSocket(t, start(t, nil)).MaxPayload(), "default")
}

func TestMaxSubscriptions(t *testing.T) {
	server := start(t, &embed.Options{MaxSubscriptions: 2})
	client, errs := connectWatched(t, server)
	for i := range 3 {
		_, err := client.SubscribeSync(fmt.Sprint("events.", i))
		require.NoError(t, err)
	}
	require.ErrorIs(t, next(t, errs), nats.ErrMaxSubscriptionsExceeded)
}

func TestMaxConnections(t *testing.T) {
	server := start(t, &embed.Options{MaxConnections: 2})
	connectSocket(t, server)
	last := connectSocket(t, server)
	_, err := connect(t, "", nats.InProcessServer(dialer(server.Socket())), nats.Token(server.Token()))
	require.Error(t, err)
	connectBus(t, server) // which the clients do not keep out
	require.Equal(t, 2, server.Clients())

	last.Close()
	require.Eventually(t, func() bool {
		_, err := connect(t, "", nats.InProcessServer(dialer(server.Socket())), nats.Token(server.Token()))
		return err == nil
	}, patience, 5*time.Millisecond, "a place is free again")
}

func TestMaxConnectionsOfTheListener(t *testing.T) {
	const limit, forTheBus = 2, 4
	server := start(t, &embed.Options{MaxConnections: limit}, withListener)
	for range limit + forTheBus {
		connectLoopback(t, server)
	}
	_, err := connect(t, server.URL(), nats.Token(server.Token()))
	require.Error(t, err)
}

// rawClient is a connection through the socket, which has read the greeting.
func rawClient(t *testing.T, server *embed.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", server.Socket())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// requireRefused reads until the server ends the connection, and checks that it said why.
func requireRefused(t *testing.T, conn net.Conn, why string) {
	t.Helper()
	said, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(said), why)
}
