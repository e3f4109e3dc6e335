package collect

import "io/fs"

// fileKey names the contents of a file: another file, or the same one after it was written to, has another key.
type fileKey struct {
	device, inode uint64
	path          string // only where there are no inodes
	size          int64
	modified      int64 // nanoseconds since 1970
	changed       int64 // the same, of the inode: unlike modified it cannot be set back; 0 if unknown
}

// keyOf returns the key of a file.
func keyOf(path string, info fs.FileInfo) fileKey {
	key := fileKey{size: info.Size(), modified: info.ModTime().UnixNano()}
	if !key.identify(info) {
		key.path = path
	}
	return key
}
