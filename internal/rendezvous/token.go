package rendezvous

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxToken bounds the size of a token file, in bytes.
const maxToken = 4096

// ReadToken returns the token that the clients of the server behind the socket authenticate with. The file changes with each
// start of the server, so read it again for each connection.
//
// It returns an [*Error] if the file, or the directory that it is in, is not this user's alone (see [PrepareDir]), if it
// is not a regular file, or if it holds no token; and an error that matches [io/fs.ErrNotExist] if no server runs there.
func ReadToken(socket string) (string, error) {
	path := TokenFile(socket)
	// Otherwise whoever owns the directory could pick one of our files, whose content would go to that one's server.
	if err := checkDir(filepath.Dir(path)); err != nil {
		return "", err
	}
	file, err := os.OpenFile(path, os.O_RDONLY|openNoFollow, 0)
	if errors.Is(err, syscall.ELOOP) {
		return "", &Error{Path: path, Reason: "is a symbolic link, a regular file is needed"}
	}
	if err != nil {
		return "", fmt.Errorf("rendezvous: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("rendezvous: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", &Error{Path: path, Reason: "is not a regular file"}
	}
	if err := checkPrivate(path, info); err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("rendezvous: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" || len(content) > maxToken {
		return "", &Error{Path: path, Reason: "does not hold a token"}
	}
	return token, nil
}
