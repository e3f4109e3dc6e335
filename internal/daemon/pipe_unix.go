//go:build !windows

package daemon

import (
	"errors"
	"syscall"
)

// IsClosedPipe reports whether a write failed because nobody reads any more.
func IsClosedPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
