package embed_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/credentials"
)

// store returns the credentials of a server.
func store(t testing.TB, server *embed.Server) *credentials.Store {
	t.Helper()
	s, err := credentials.Open(server.Credentials())
	require.NoError(t, err)
	return s
}

// nkey is the credential of a role.
func nkey(t testing.TB, server *embed.Server, name string) nats.Option {
	t.Helper()
	option, err := nats.NkeyOptionFromSeed(filepath.Join(server.Credentials(), name+".nk"))
	require.NoError(t, err)
	return option
}

func newKey(t testing.TB) (public string, pair nkeys.KeyPair) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err = pair.PublicKey()
	require.NoError(t, err)
	return public, pair
}

// ways are how a client from outside comes to a server.
func ways(server *embed.Server) map[string]func(testing.TB, ...nats.Option) (*nats.Conn, error) {
	return map[string]func(testing.TB, ...nats.Option) (*nats.Conn, error){
		"socket": func(t testing.TB, options ...nats.Option) (*nats.Conn, error) {
			return connect(t, "", append(options, nats.InProcessServer(dialer(server.Socket())))...)
		},
		"listener": func(t testing.TB, options ...nats.Option) (*nats.Conn, error) {
			return connect(t, server.URL(), options...)
		},
	}
}

// TestACredentialGetsItsRole, and no other: also on the socket, whose user is trusted.
func TestACredentialGetsItsRole(t *testing.T) {
	server := start(t, nil, withListener)
	_, _, err := store(t, server).Make(t.Context(), embed.Trusted, embed.Trusted, true)
	require.NoError(t, err)
	for way, dial := range ways(server) {
		for _, role := range embed.Roles() {
			errs := make(chan error, 8)
			conn, err := dial(t, nkey(t, server, role.Name), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))
			require.NoError(t, err, "%s %s", way, role.Name)
			// Only a role's own clients may listen there.
			_, err = conn.SubscribeSync("_INBOX_" + role.Name + ".x")
			require.NoError(t, err)
			require.NoError(t, conn.Flush())
			require.Empty(t, errs, "%s %s", way, role.Name)
			_, err = conn.SubscribeSync("_INBOX_another.x")
			require.NoError(t, err)
			require.ErrorIs(t, next(t, errs), nats.ErrPermissionViolation, "%s %s", way, role.Name)
			conn.Close()
		}
	}
}

func TestWrongKeys(t *testing.T) {
	server := start(t, nil, withListener)
	seed, err := credentials.ReadSeed(filepath.Join(server.Credentials(), embed.Agent+".nk"))
	require.NoError(t, err)
	agent, err := credentials.Public(seed)
	require.NoError(t, err)
	stranger, pair := newKey(t)
	_, _, err = store(t, server).Make(t.Context(), "odd", "unheard-of", true)
	require.NoError(t, err)
	for way, dial := range ways(server) {
		for name, option := range map[string]nats.Option{
			"a key that nobody knows":            nats.Nkey(stranger, pair.Sign),
			"a right key, signed by another":     nats.Nkey(agent, pair.Sign),
			"a right key, with no signature":     nats.Nkey(agent, func([]byte) ([]byte, error) { return nil, nil }),
			"a right key, something else signed": nats.Nkey(agent, func([]byte) ([]byte, error) { return sign(t, seed, []byte("something else")), nil }),
			"a role that the server has not":     nkey(t, server, "odd"),
			"a key of another kind, well signed": otherKind(t),
		} {
			_, err := dial(t, option)
			require.Error(t, err, "%s: %s", way, name)
		}
		_, err := dial(t, nkey(t, server, embed.Agent))
		require.NoError(t, err, way)
	}
	require.Eventually(t, func() bool { return server.Clients() == 2 }, patience, time.Millisecond)
}

func sign(t testing.TB, seed, text []byte) []byte {
	t.Helper()
	pair, err := nkeys.FromSeed(seed)
	require.NoError(t, err)
	signature, err := pair.Sign(text)
	require.NoError(t, err)
	return signature
}

func otherKind(t testing.TB) nats.Option {
	t.Helper()
	pair, err := nkeys.CreateAccount()
	require.NoError(t, err)
	public, err := pair.PublicKey()
	require.NoError(t, err)
	return nats.Nkey(public, pair.Sign)
}

// greeted is a raw connection, and the nonce of its greeting.
func greeted(t testing.TB, network, address string) (conn net.Conn, lines *bufio.Reader, nonce string) {
	t.Helper()
	conn, err := net.Dial(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the test may have closed it
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	lines = bufio.NewReader(conn)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	var info struct{ Nonce string }
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(line, "INFO ")), &info))
	require.NotEmpty(t, info.Nonce)
	return conn, lines, info.Nonce
}

// present sends a CONNECT with a signature and returns what the server says.
func present(t testing.TB, conn net.Conn, lines *bufio.Reader, key string, signature []byte) string {
	t.Helper()
	_, err := fmt.Fprintf(conn, "CONNECT {\"verbose\":false,\"nkey\":%q,\"sig\":%q}\r\nPING\r\n", key, base64.RawURLEncoding.EncodeToString(signature))
	require.NoError(t, err)
	answer, _ := lines.ReadString('\n') // a reset says no as well
	return strings.TrimSpace(answer)
}

// TestASignatureIsForOneConnection: what was signed for another is worth nothing, also while that one is open.
func TestASignatureIsForOneConnection(t *testing.T) {
	server := start(t, nil, withListener)
	seed, err := credentials.ReadSeed(filepath.Join(server.Credentials(), embed.Agent+".nk"))
	require.NoError(t, err)
	public, err := credentials.Public(seed)
	require.NoError(t, err)
	tcp := strings.TrimPrefix(server.URL(), "nats://")
	for _, way := range [][2]string{{"unix", server.Socket()}, {"tcp", tcp}} {
		conn, lines, nonce := greeted(t, way[0], way[1])
		signature := sign(t, seed, []byte(nonce))
		replay, replayed, other := greeted(t, way[0], way[1])
		require.NotEqual(t, nonce, other)
		require.NotEqual(t, "PONG", present(t, replay, replayed, public, signature), "%s", way)
		require.Equal(t, "PONG", present(t, conn, lines, public, signature), "%s", way)
		again, repeated, _ := greeted(t, way[0], way[1])
		require.NotEqual(t, "PONG", present(t, again, repeated, public, signature), "%s", way)
	}
}

// TestWhatIsPresentedCounts: a wrong credential is not made good by who the user is.
func TestWhatIsPresentedCounts(t *testing.T) {
	server := start(t, nil)
	public, _ := newKey(t)
	for _, presented := range []string{`"nkey":"` + public + `"`, `"nkey":"x"`, `"user":"a"`, `"pass":"b"`, `"auth_token":"x"`, `"jwt":"x","sig":"x"`} {
		conn, lines, _ := greeted(t, "unix", server.Socket())
		_, err := fmt.Fprintf(conn, "CONNECT {%s}\r\nPING\r\n", presented)
		require.NoError(t, err)
		said, err := io.ReadAll(lines)
		require.NoError(t, err, "%s: %s", presented, said)
		require.Equal(t, "-ERR 'Authorization Violation'\r\n", string(said), presented)
	}
}

// noticed is how soon a change of the credentials must end the connections that it concerns: what is promised is two seconds, and the rest
// is for a busy machine.
const noticed = 10 * time.Second

func TestRotationAndRevocation(t *testing.T) {
	server := start(t, nil, withListener)
	for way, dial := range ways(server) {
		closed := make(chan time.Time, 1)
		onClose := nats.ClosedHandler(func(*nats.Conn) { closed <- time.Now() })
		old := nkey(t, server, embed.Observer)
		_, err := dial(t, old, onClose)
		require.NoError(t, err)
		bystander, err := dial(t, nkey(t, server, embed.Agent))
		require.NoError(t, err)

		changed := time.Now()
		_, _, err = store(t, server).Rotate(t.Context(), embed.Observer)
		require.NoError(t, err)
		_, err = dial(t, old)
		require.Error(t, err, "%s: the old key is worth nothing at once", way)
		_, err = dial(t, nkey(t, server, embed.Observer), onClose)
		require.NoError(t, err, "%s: the new one works at once", way)
		require.Less(t, (<-closed).Sub(changed), noticed, way)

		changed = time.Now()
		seed := nkey(t, server, embed.Observer)
		require.NoError(t, store(t, server).Revoke(t.Context(), embed.Observer))
		_, err = dial(t, seed)
		require.Error(t, err, way)
		require.Less(t, (<-closed).Sub(changed), noticed, way)

		require.NoError(t, bystander.Flush(), "%s: others do not notice", way)
		_, _, err = store(t, server).Make(t.Context(), embed.Observer, embed.Observer, true)
		require.NoError(t, err)
	}
}

// TestCredentialsThatOthersMayTouchAreWorthNothing: neither a file nor a directory.
func TestCredentialsThatOthersMayTouchAreWorthNothing(t *testing.T) {
	server := start(t, nil)
	file, seed := filepath.Join(server.Credentials(), embed.Agent+".pub"), nkey(t, server, embed.Agent)
	dial := ways(server)["socket"]
	for _, path := range []string{file, server.Credentials()} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		for _, mode := range []os.FileMode{0o040, 0o004, 0o020, 0o002} {
			require.NoError(t, os.Chmod(path, info.Mode().Perm()|mode))
			touch(t, server.Credentials()) // a change of a mode alone does not show
			_, err = dial(t, seed)
			require.ErrorIs(t, err, nats.ErrAuthorization, "%s %o", path, mode)
		}
		require.NoError(t, os.Chmod(path, info.Mode().Perm()))
		touch(t, server.Credentials())
		_, err = dial(t, seed)
		require.NoError(t, err, "%s: it is good again", path)
	}
}

// touch makes a change in a directory that does not matter.
func touch(t testing.TB, dir string) {
	t.Helper()
	name := filepath.Join(dir, "touched")
	require.NoError(t, os.WriteFile(name, nil, 0o600))
	require.NoError(t, os.Remove(name))
}

// TestWhoIsForwardedIsNobody: a connection that says that it is made for somebody else has no role for the user who made it.
func TestWhoIsForwardedIsNobody(t *testing.T) {
	server := start(t, nil)
	seed, err := credentials.ReadSeed(filepath.Join(server.Credentials(), embed.Observer+".nk"))
	require.NoError(t, err)
	public, err := credentials.Public(seed)
	require.NoError(t, err)
	for _, connect := range []string{"\x00CONNECT {}\r\nPING\r\n", "\x00CONNECT {\"user\":\"\"}\r\nPING\r\n", "\x00PING\r\nCONNECT {}\r\n"} {
		conn, lines, _ := greeted(t, "unix", server.Socket())
		_, err := io.WriteString(conn, connect)
		require.NoError(t, err)
		said, err := io.ReadAll(lines)
		require.NoError(t, err)
		require.Contains(t, string(said), "Authorization Violation")
	}
	// In two pieces, too.
	conn, lines, nonce := greeted(t, "unix", server.Socket())
	_, err = conn.Write([]byte{0})
	require.NoError(t, err)
	require.Equal(t, "PONG", present(t, conn, lines, public, sign(t, seed, []byte(nonce))), "a credential counts all the same")
	// Later on, and twice, it is no part of the protocol.
	for _, connect := range []string{"CONNECT {}\r\n\x00PING\r\n", "\x00\x00CONNECT {}\r\nPING\r\n"} {
		conn, lines, _ := greeted(t, "unix", server.Socket())
		_, err := io.WriteString(conn, connect)
		require.NoError(t, err)
		said, _ := io.ReadAll(lines)
		require.NotContains(t, string(said), "PONG")
	}
	// The server takes leave of a client after it has closed the connection.
	require.Eventually(t, func() bool { return server.Clients() == 1 }, patience, time.Millisecond)
}
