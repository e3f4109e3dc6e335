//go:build !linux && !darwin

package collect

import "io/fs"

// identify reports that only the file's name is known.
func (*fileKey) identify(fs.FileInfo) bool { return false }
