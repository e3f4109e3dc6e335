// Package credentials keeps the NATS nkeys of clients in a directory: which there are, and what each of them may be (its role).
//
// # Use
//
//	dir, err := credentials.Dir("")
//	store, err := credentials.Open(dir)
//	made, err := store.Ensure(ctx, "observer", "observer")   // a server, when it starts
//	made, seed, err := store.Make(ctx, "phone", "observer", false)
//	known, err := store.Load()                               // a server: known.Keys[public]
//	if store.Changed(known) { … }                            // once a second
//	seed, err := credentials.ReadSeed(store.SeedFile("observer"))   // a client
//
// # Files
//
// A credential is a file name.pub of one line: its role, its public key and the time of its making, separated by spaces. Beside it
// lies name.nk, with the seed and nothing else, not even a line break: nats.go and the nats CLI do without, and nats-py took one for
// a part of the seed until version 2.9. A credential whose seed was handed out has no such file. The names of files that WritePrivate of
// package rendezvous has begun end in .new; the next change removes them. Other files are left alone.
//
// Files are replaced and never changed in place. [Store.Changed] does not notice if somebody else does that.
//
// # Trust
//
// The directory is the guard, with mode 0700, and so is each file, with mode 0600: what others could read or write is refused.
// A public key is no secret, but what is written beside it is a permission.
//
// # Concurrency
//
// Everything may be called from any goroutine, and by several processes on one directory. Changes lock it (flock; on Windows the
// file .lock in it) and wait for each other until their context ends. [Store.Load] locks nothing: it sees each credential as it
// was before or after a change, and nothing in between. The lock ends with its process, also if that is killed; what it did not
// finish is undone or finished by the next change.
//
// # Errors
//
// An [*InvalidError] names what a caller has given. Errors about a file name its path, and never repeat any of its content. If a
// change fails, or its process is killed, between the files of a credential, what a server lets in is as before; [Store.List] tells of
// the rest, and [Store.Ensure], [Store.Rotate], [Store.Make] and [Store.Revoke] set it right.
package credentials

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// Credential is what a server knows of a client's key.
type Credential struct {
	Name    string    // 1 to 64 of a-z, 0-9, _ and -
	Role    string    // likewise
	Public  string    // the public key, which begins with U
	Created time.Time // of this key, in UTC, to the second
	HasSeed bool      // whether its seed lies beside it
}

var nameGrammar = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// CheckName returns an [*InvalidError] unless the value can be the name of a credential or of a role.
func CheckName(field, value string) error {
	if !nameGrammar.MatchString(value) {
		return &InvalidError{Field: field, Value: value, Reason: "must be 1 to 64 of a-z, 0-9, _ and -"}
	}
	return nil
}

// Dir returns the directory of the credentials of the server behind a socket. For the usual socket, which may also be given as "",
// that is eventbus/credentials in $XDG_STATE_HOME if that variable is an absolute path, otherwise in ~/.local/state, on macOS and
// Windows in the user's configuration directory. For any other it is beside the socket and named after it, with .credentials at the end.
// Dir touches no file. It returns an error only if nobody knows where the user's home is.
func Dir(socket string) (string, error) {
	if socket != "" {
		if usual, err := rendezvous.DefaultSocket(); err != nil || filepath.Clean(socket) != usual {
			return socket + ".credentials", nil
		}
	}
	state, err := stateDir()
	if err != nil {
		return "", fmt.Errorf("no place for them: %w", err)
	}
	return filepath.Join(state, "eventbus", "credentials"), nil
}

func stateDir() (string, error) {
	// A relative path is to be ignored, says the specification of that variable.
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return os.UserConfigDir()
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(home) {
		return "", errors.New("$HOME is not an absolute path")
	}
	return filepath.Join(home, ".local", "state"), nil
}
