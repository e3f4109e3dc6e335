package collect

import (
	"io/fs"
	"syscall"
)

// identify fills in what the system knows of the file beside its name, if it knows anything.
func (k *fileKey) identify(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok {
		k.device, k.inode, k.changed = uint64(stat.Dev), stat.Ino, stat.Ctimespec.Nano()
	}
	return ok
}
