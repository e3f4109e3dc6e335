package interop_test

import (
	"io/fs"
	"slices"
)

// sources is a directory without the packages that somebody may have installed in it.
type sources struct{ fs.FS }

// ReadDir implements [fs.ReadDirFS].
func (s sources) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(s.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "node_modules" }), err
}
