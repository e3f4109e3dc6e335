package natsbus

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/credentials"
)

// TLS is how a connection to a NATS server is encrypted, beside what tls:// in its URL says. The zero value trusts the system's
// authorities and shows no certificate. Files are in PEM.
type TLS struct {
	// CAFile has the authorities that the server's certificate may be of; empty are the system's.
	CAFile string
	// CertFile and KeyFile are shown to a server that asks for a certificate.
	CertFile, KeyFile string
}

func (t TLS) options() (options []nats.Option) {
	if t == (TLS{}) {
		return nil
	}
	options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
	if t.CAFile != "" {
		options = append(options, nats.RootCAs(t.CAFile))
	}
	if t.CertFile != "" || t.KeyFile != "" {
		options = append(options, nats.ClientCert(t.CertFile, t.KeyFile))
	}
	return options
}

// seedFile is the seed of an nkey, read again for each connection: it may have been rotated.
type seedFile struct {
	path    string
	conn    atomic.Pointer[nats.Conn] // once it is connected
	dial    func() (net.Conn, error)  // nil for a connection by URL
	timeout time.Duration             // of Dial
}

// InProcessConn implements [nats.InProcessConnProvider].
func (s *seedFile) InProcessConn() (net.Conn, error) { return s.open() }

// Dial implements [nats.CustomDialer].
func (s *seedFile) Dial(network, address string) (net.Conn, error) {
	s.renew()
	return net.DialTimeout(network, address, s.timeout)
}

func (s *seedFile) open() (net.Conn, error) {
	s.renew()
	return s.dial()
}

// renew sets the public key that the next CONNECT has. nats.go holds the lock on its options while it dials, and reads the key after
// that; it has no other way to learn of a new one.
func (s *seedFile) renew() {
	if conn := s.conn.Load(); conn != nil {
		if public, err := s.public(); err == nil {
			conn.Opts.Nkey = public
		}
	}
}

func (s *seedFile) public() (string, error) {
	seed, err := credentials.ReadSeed(s.path)
	if err != nil {
		return "", err
	}
	return credentials.Public(seed)
}

// sign signs what the server wants signed.
func (s *seedFile) sign(nonce []byte) ([]byte, error) {
	seed, err := credentials.ReadSeed(s.path)
	if err != nil {
		return nil, err
	}
	key, err := nkeys.FromSeed(seed)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	return key.Sign(nonce)
}

// credentialOptions returns the options for the bus's file of credentials; dial is nil for a connection by URL.
func (b *Bus) credentialOptions(dial func() (net.Conn, error)) (s *seedFile, options []nats.Option, err error) {
	path := b.credentials
	if strings.HasSuffix(path, ".creds") {
		return nil, []nats.Option{nats.UserCredentials(path)}, nil
	}
	s = &seedFile{path: path, dial: dial, timeout: b.connectTimeout}
	public, err := s.public()
	if err != nil {
		return nil, nil, &bus.InvalidError{Field: "credentials", Value: path, Reason: fmt.Sprint("cannot be used: ", err), Err: err}
	}
	options = []nats.Option{nats.Nkey(public, s.sign)}
	if dial == nil {
		options = append(options, nats.SetCustomDialer(s))
	}
	return s, options, nil
}
