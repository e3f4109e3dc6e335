package rendezvous

import (
	"path/filepath"
	"strings"
)

// maxListen bounds the size of a listen file, in bytes.
const maxListen = 4096

// ReadListen returns the URL of the loopback listener of the server behind the socket. After a server that was killed it is still
// there.
//
// It returns an [*Error] under the conditions of [ReadToken], and an error that matches [io/fs.ErrNotExist] if no server with a
// listener runs there.
func ReadListen(socket string) (url string, err error) { return readURL(ListenFile(socket)) }

// ReadProxy is [ReadListen] for a proxy in front of the socket.
func ReadProxy(socket string) (url string, err error) { return readURL(ProxyFile(socket)) }

func readURL(path string) (url string, err error) {
	if err := checkDir(filepath.Dir(path)); err != nil {
		return "", err
	}
	content, err := ReadPrivate(path, maxListen)
	if err != nil {
		return "", err
	}
	url = strings.TrimSpace(string(content))
	if url == "" {
		return "", &Error{Path: path, Reason: "does not hold a URL"}
	}
	return url, nil
}
