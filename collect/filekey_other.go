//go:build !linux && !darwin

package collect

import "io/fs"

// identity is unknown on this system.
type identity struct{}

// identityOf reports that only the file's name is known.
func identityOf(fs.FileInfo) (identity, bool) { return identity{}, false }
