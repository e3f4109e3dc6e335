//go:build unix

package embed

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is the time between two attempts to lock a directory. Another server holds it for a millisecond or so.
const lockPoll = 5 * time.Millisecond

// lockDir locks a directory among the servers that start in it, and needs no lock file for that. It waits until ctx ends.
func lockDir(ctx context.Context, path string) (unlock func(), err error) {
	dir, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	poll := time.NewTicker(lockPoll)
	defer poll.Stop()
	for {
		err := lock(dir, unix.LOCK_EX)
		if err == nil {
			return func() { _ = dir.Close() }, nil // and with it the lock
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(err, dir.Close())
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), dir.Close())
		}
	}
}

// keepLocked locks a file for as long as it is open, which the death of the process ends too.
func keepLocked(file *os.File) (*os.File, error) { return file, lock(file, unix.LOCK_EX) }

// isLocked says whether a live server holds the file. The caller holds the directory's lock.
func isLocked(path string) (bool, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	err = lock(file, unix.LOCK_SH)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// lock returns EWOULDBLOCK if somebody else holds a lock that excludes this one.
func lock(file *os.File, how int) error {
	for {
		if err := unix.Flock(int(file.Fd()), how|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// restrictSocket gives the socket its mode before it has a name, on Linux. Elsewhere the attempt fails and the directory
// alone is the guard until the mode is set by name.
func restrictSocket(_, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), 0o600) })
}

// isRefused says whether a dial failed because nobody listens.
func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// isBusy says whether a dial failed because somebody listens who does not keep up.
func isBusy(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || errors.Is(err, os.ErrDeadlineExceeded)
}
