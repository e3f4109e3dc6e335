package collect

import (
	"io/fs"
	"syscall"
)

// identity is a file's inode, and when that was last changed: unlike the time of modification it cannot be set back.
type identity struct {
	device, inode uint64
	changed       int64 // nanoseconds since 1970
}

// identityOf returns the identity of a file, and false for a file that is not on this system.
func identityOf(info fs.FileInfo) (identity, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false
	}
	return identity{device: uint64(stat.Dev), inode: stat.Ino, changed: stat.Ctimespec.Nano()}, true
}
