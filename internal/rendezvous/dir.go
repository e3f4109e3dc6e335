package rendezvous

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// PrepareDir makes sure that a directory is there for this user alone. It creates it, and parents that are missing, with mode
// 0700. One that exists is never changed: it returns an [*Error] if that is a symbolic link or no directory, belongs to
// somebody else, or lets others in.
func PrepareDir(dir string) error {
	mkdirErr := os.MkdirAll(dir, 0o700)
	err := checkDir(dir)
	if mkdirErr != nil && errors.Is(err, fs.ErrNotExist) {
		return mkdirErr
	}
	return err
}

// PrepareSharedDir is PrepareDir for a directory that other users may pass through and not change, with mode 0711.
func PrepareSharedDir(dir string) error {
	mkdirErr := os.MkdirAll(filepath.Dir(dir), 0o700)
	if mkdirErr == nil {
		if mkdirErr = os.Mkdir(dir, 0o711); mkdirErr == nil {
			mkdirErr = os.Chmod(dir, 0o711) // whatever the umask
		}
	}
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return errors.Join(mkdirErr, err)
	case !info.IsDir():
		return &Error{Path: dir, Reason: "is not a directory"}
	case info.Mode().Perm()&0o001 == 0:
		return &Error{Path: dir, Reason: "lets no other user pass, as it should (mode 0711)"}
	}
	return checkOwned(dir, info)
}

// checkDir returns an error unless the directory belongs to this user alone.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return &Error{Path: dir, Reason: "is a symbolic link, a directory is needed"}
	case !info.IsDir():
		return &Error{Path: dir, Reason: "is not a directory"}
	}
	return checkPrivate(dir, info)
}
