//go:build !unix

package screen

import (
	"os"
	"syscall"
)

// changes holds a signal that never comes: without any, there would be a notice of all. That the size is another one, Draw sees.
var changes = []os.Signal{syscall.SIGHUP}

func continued(os.Signal) bool { return false }

// Stop does nothing: there is no such thing here.
func (s *Screen) Stop() error { return nil }
