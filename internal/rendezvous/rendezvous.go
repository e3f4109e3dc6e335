// Package rendezvous says where a server and the clients of the same user meet: which files there are, and whom to trust there.
//
// # The place
//
// It is a unix socket in a directory that only its user can enter. Beside the socket lie two small files, named after it:
// [TokenFile] holds the secret that a client authenticates with, and [ListenFile] the URL of the server's loopback listener if
// there is one. The server writes both when it starts and removes them when it stops.
//
// # Trust
//
// The directory is the guard: mode 0700 and owned by the user, which [PrepareDir] sees to for servers and [ReadToken] checks
// for clients. On top of it a server asks the kernel who is at the other end of a connection ([PeerCredentials]). On Windows
// modes and owners are not checked: there the access control list of the user's cache directory is the guard.
//
// # Concurrency
//
// All functions may be called from any goroutine; the package keeps no state.
package rendezvous

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// DefaultSocket returns the path of the socket of this user: $XDG_RUNTIME_DIR/eventbus/eventbus.sock if that variable is an
// absolute path, otherwise eventbus-<uid>/eventbus.sock in the directory for temporary files, or on Windows
// eventbus\eventbus.sock in the user's cache directory. It touches no file. It returns an error only if Windows does not
// know the cache directory.
func DefaultSocket() (string, error) {
	dir, err := defaultDir()
	if err != nil {
		return "", fmt.Errorf("no place for a socket: %w", err)
	}
	return filepath.Join(dir, "eventbus.sock"), nil
}

func defaultDir() (string, error) {
	// A relative path is to be ignored, says the specification of that variable.
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "eventbus"), nil
	}
	uid := os.Geteuid()
	if uid < 0 { // Windows has no such number
		dir, err := os.UserCacheDir()
		return filepath.Join(dir, "eventbus"), err
	}
	return filepath.Join(os.TempDir(), "eventbus-"+strconv.Itoa(uid)), nil
}

// TokenFile returns the path of the file that holds the clients' token of the server behind the socket.
func TokenFile(socket string) string { return socket + ".token" }

// ListenFile returns the path of the file that holds the URL of the loopback listener of the server behind the socket, such as
// nats://127.0.0.1:4222. It exists while that server has one, and holds no secret.
func ListenFile(socket string) string { return socket + ".listen" }

// ProxyFile returns the path of the file that holds the URL of a proxy in front of the socket, while one runs. It is like
// [ListenFile], and a proxy's.
func ProxyFile(socket string) string { return socket + ".proxy" }

// Error reports a file or directory that cannot serve as a meeting place.
type Error struct {
	Path   string // the offending path
	Reason string // what is wrong with it
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Reason) }

// CheckSocketPath returns an [*Error] if a path is too long for the name of a unix socket, or empty. The kernel's own
// message for that is "invalid argument".
func CheckSocketPath(path string) error {
	if path == "" {
		return &Error{Path: strconv.Quote(path), Reason: "is not the name of a socket"}
	}
	if len(path) > MaxSocketPath {
		return &Error{Path: path, Reason: fmt.Sprintf("%d bytes long, but the name of a unix socket has at most %d", len(path), MaxSocketPath)}
	}
	return nil
}
