package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// Forwarded is the first byte of a connection that its client makes for somebody else, as a proxy does: the server then takes the byte
// away and counts the connection as nobody's, so that only what comes with it, such as an nkey, can give it a role. It is no
// beginning of anything in the protocol of NATS: a server that does not know it ends the connection.
const Forwarded = 0

// Dial connects to the server behind a socket. Where the kernel tells whose it is, it must be this user's, root's, or that of the user
// with the given uid: whoever else might have put a server there gets nothing.
func Dial(ctx context.Context, socket string, timeout time.Duration, user int) (*net.UnixConn, error) {
	dialer := net.Dialer{Timeout: timeout}
	dialed, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	conn := dialed.(*net.UnixConn)
	if !PeerCredentialsSupported {
		return conn, nil
	}
	uid, _, ok := PeerCredentials(conn)
	if !ok || uid != os.Geteuid() && uid != 0 && uid != user {
		return nil, errors.Join(fmt.Errorf("the server at %s is of user %d", socket, uid), conn.Close())
	}
	return conn, nil
}
