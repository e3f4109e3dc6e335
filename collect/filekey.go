package collect

import "io/fs"

// fileKey names the contents of a file: another file, or the same one after it was written to, has another key.
type fileKey struct {
	size     int64
	modified int64    // nanoseconds since 1970
	identity identity // what the system knows of the file itself
	path     string   // only where it knows nothing
}

// keyOf returns the key of a file.
func keyOf(path string, info fs.FileInfo) fileKey {
	key := fileKey{size: info.Size(), modified: info.ModTime().UnixNano()}
	var ok bool
	if key.identity, ok = identityOf(info); !ok {
		key.path = path
	}
	return key
}
