package rendezvous

import (
	"os"
)

// WriteProxy makes the file of a proxy in front of the socket, or replaces that of another one, which may have been killed. remove
// takes it away again, unless another proxy has replaced it.
func WriteProxy(socket, url string) (remove func() error, err error) {
	if err := WritePrivate(ProxyFile(socket), []byte(url+"\n")); err != nil {
		return nil, err
	}
	return func() error {
		// No two proxies that live have the same address.
		if now, err := ReadProxy(socket); err != nil || now != url {
			return nil
		}
		if err := os.Remove(ProxyFile(socket)); err != nil {
			return err
		}
		return nil
	}, nil
}
