package rendezvous

import (
	"path/filepath"
	"strings"
)

// maxToken bounds the size of a token file, in bytes.
const maxToken = 4096

// ReadToken returns the token that the clients of the server behind the socket authenticate with. The file changes with each
// start of the server, so read it again for each connection.
//
// It returns an [*Error] if the file, or the directory that it is in, is not this user's alone (see [PrepareDir] and [ReadPrivate]),
// or if it holds no token; and an error that matches [io/fs.ErrNotExist] if no server runs there.
func ReadToken(socket string) (string, error) {
	path := TokenFile(socket)
	// Otherwise whoever owns the directory could pick one of our files, whose content would go to that one's server.
	if err := checkDir(filepath.Dir(path)); err != nil {
		return "", err
	}
	content, err := ReadPrivate(path, maxToken)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", &Error{Path: path, Reason: "does not hold a token"}
	}
	return token, nil
}
