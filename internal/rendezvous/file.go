package rendezvous

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// ReadPrivate returns the content of a file that is this user's alone, of at most that many bytes. It neither follows a link nor waits
// for the writer of a pipe. The directory is not looked at.
//
// It returns an [*Error] if the file is not a regular one, lets others in, belongs to somebody else, or is larger; and an error that
// matches [io/fs.ErrNotExist] if there is none.
func ReadPrivate(path string, most int) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|openNoFollow, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &Error{Path: path, Reason: "is a symbolic link, a regular file is needed"}
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{Path: path, Reason: "is not a regular file"}
	}
	if err := checkPrivate(path, info); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, int64(most)+1))
	if err != nil {
		return nil, err
	}
	if len(content) > most {
		return nil, &Error{Path: path, Reason: fmt.Sprintf("has more than %d bytes", most)}
	}
	return content, nil
}

// WritePrivate makes a file of mode 0600, or replaces one, in one step: whoever opens it sees all of the old or all of the new
// content, also after a power failure. If it fails, the old content is still there. What a process that was killed leaves behind is
// in the same directory and has a name that [IsUnfinished] knows.
func WritePrivate(path string, content []byte) (err error) {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	file, err := os.CreateTemp(dir, name+".*.new")
	if err != nil {
		return err
	}
	next := file.Name()
	defer func() {
		if err != nil {
			err = errors.Join(err, removeUnfinished(next))
		}
	}()
	err = errors.Join(fill(file, content), file.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return SyncDir(dir)
}

func fill(file *os.File, content []byte) error {
	// The umask may have taken away the owner's own rights.
	if err := file.Chmod(0o600); err != nil {
		return err
	}
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}

func removeUnfinished(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

var unfinishedName = regexp.MustCompile(`^(.+)\.[0-9]+\.new$`)

// IsUnfinished reports whether a file of that name is one that [WritePrivate] has begun, and in place of which.
func IsUnfinished(name string) (of string, ok bool) {
	match := unfinishedName.FindStringSubmatch(name)
	if match == nil {
		return "", false
	}
	return match[1], true
}
