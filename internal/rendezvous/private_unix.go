//go:build unix

package rendezvous

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// openNoFollow are flags for a file that may have been planted: neither follow a link nor wait for the writer of a pipe.
const openNoFollow = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// checkPrivate returns an error unless the file belongs to this user and nobody else has any access.
func checkPrivate(path string, info fs.FileInfo) error {
	if err := checkOwned(path, info); err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &Error{Path: path, Reason: fmt.Sprintf("has mode %#o, which lets other users in", mode)}
	}
	return nil
}

// checkOwned returns an error unless the file belongs to this user and nobody else may change it.
func checkOwned(path string, info fs.FileInfo) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return &Error{Path: path, Reason: "has an unknown owner"}
	}
	if me := os.Geteuid(); int(owner.Uid) != me {
		return &Error{Path: path, Reason: fmt.Sprintf("belongs to user %d, not to user %d who runs this", owner.Uid, me)}
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return &Error{Path: path, Reason: fmt.Sprintf("has mode %#o, which lets other users in", mode)}
	}
	return nil
}

// SyncDir makes sure that the names in a directory outlast a power failure, and that those removed are gone then.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
