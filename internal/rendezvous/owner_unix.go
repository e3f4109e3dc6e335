//go:build unix

package rendezvous

import (
	"os"
	"syscall"
)

// Owner returns the user to whom a file belongs, ok if that can be told.
func Owner(path string) (uid int, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
