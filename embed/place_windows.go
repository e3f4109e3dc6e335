package embed

import (
	"context"
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// lockDir locks nothing: that two servers take over the socket of a third in the same millisecond is not ruled out here.
func lockDir(context.Context, string) (unlock func(), err error) { return func() {}, nil }

// keepLocked closes the file, since Windows neither renames nor removes open ones.
func keepLocked(file *os.File) (*os.File, error) { return nil, file.Close() }

// isLocked knows of no locks.
func isLocked(string) (bool, error) { return false, nil }

// restrictSocket does nothing: the access control list of the directory is the guard.
func restrictSocket(_, _ string, _ syscall.RawConn) error { return nil }

// isRefused says whether a dial failed because nobody listens.
func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

// isBusy says whether a dial failed because somebody listens who does not keep up.
func isBusy(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
