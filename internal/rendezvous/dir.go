package rendezvous

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// PrepareDir makes sure that a directory is there for this user alone. It creates it, and parents that are missing, with mode
// 0700. One that exists is never changed: it returns an [*Error] if that is a symbolic link or no directory, belongs to
// somebody else, or lets others in.
func PrepareDir(dir string) error {
	mkdirErr := os.MkdirAll(dir, 0o700)
	err := checkDir(dir)
	if mkdirErr != nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rendezvous: %w", mkdirErr)
	}
	return err
}

// checkDir returns an error unless the directory belongs to this user alone.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("rendezvous: %w", err)
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return &Error{Path: dir, Reason: "is a symbolic link, a directory is needed"}
	case !info.IsDir():
		return &Error{Path: dir, Reason: "is not a directory"}
	}
	return checkPrivate(dir, info)
}
