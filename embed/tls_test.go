package embed_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
)

// authority makes certificates, which are in files.
type authority struct {
	t           testing.TB
	dir         string
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	file        string // of its own certificate
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.certificate = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.file, _, a.key = a.write("ca", a.certificate, nil)
	return a
}

// issue returns the files of a certificate for this host, to be shown by either side, and of its key.
func (a *authority) issue(name string) (certificate, key string) {
	a.t.Helper()
	certificate, key, _ = a.write(name, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.key)
	return certificate, key
}

func (a *authority) write(name string, template *x509.Certificate, by *ecdsa.PrivateKey) (certificate, keyFile string, key *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	if by == nil {
		by = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), by)
	require.NoError(a.t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	certificate, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		require.NoError(a.t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	}
	return certificate, keyFile, key
}

// withTLS gives the server a listener with a certificate of the authority.
func (a *authority) withTLS(o *embed.Options) {
	o.Listen = "127.0.0.1:0"
	o.TLS.CertFile, o.TLS.KeyFile = a.issue("server")
}

func TestAListenerForOthersNeedsTLS(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:0"} {
		socket := newSocket(t)
		_, err := embed.Start(t.Context(), &embed.Options{Socket: socket, Listen: address})
		invalid, ok := errors.AsType[*embed.OptionError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "Listen", invalid.Field)
		requireNoFiles(t, socket)
	}
	a := newAuthority(t)
	server := start(t, nil, a.withTLS, func(o *embed.Options) { o.Listen = "0.0.0.0:0" })
	require.True(t, strings.HasPrefix(server.URL(), "tls://"), server.URL())
}

func TestBadCertificatesAreOptionErrors(t *testing.T) {
	a := newAuthority(t)
	certificate, key := a.issue("a")
	_, other := a.issue("b")
	for _, c := range []struct {
		field string
		files embed.TLS
	}{
		{"TLS.CertFile", embed.TLS{CertFile: certificate}},
		{"TLS.CertFile", embed.TLS{KeyFile: key}},
		{"TLS.CertFile", embed.TLS{CertFile: certificate, KeyFile: other}},
		{"TLS.CertFile", embed.TLS{ClientCAFile: a.file}},
		{"TLS.ClientCAFile", embed.TLS{CertFile: certificate, KeyFile: key, ClientCAFile: key}},
		{"TLS.ClientCAFile", embed.TLS{CertFile: certificate, KeyFile: key, ClientCAFile: a.file + ".none"}},
	} {
		_, err := embed.Start(t.Context(), &embed.Options{Socket: newSocket(t), Listen: "127.0.0.1:0", TLS: c.files})
		invalid, ok := errors.AsType[*embed.OptionError](err)
		require.True(t, ok, "%+v: %v", c, err)
		require.Equal(t, c.field, invalid.Field)
	}
}

// TestNothingIsSaidInPlainText: neither is a CONNECT taken before the handshake, nor can one be talked out of it.
func TestNothingIsSaidInPlainText(t *testing.T) {
	server := start(t, nil, newAuthority(t).withTLS, func(o *embed.Options) { o.AuthTimeout = time.Second })
	address := strings.TrimPrefix(server.URL(), "tls://")
	_, err := connect(t, "nats://"+address, nats.Token(server.Token()))
	require.Error(t, err)
	for _, first := range []string{
		`CONNECT {"verbose":true,"auth_token":"` + server.Token() + `"}` + "\r\nPING\r\n",
		`CONNECT {"verbose":true,"tls_required":false,"auth_token":"` + server.Token() + `"}` + "\r\nPING\r\n",
		"PING\r\n", "SUB events.> 1\r\n", "",
	} {
		conn, lines, _ := greeted(t, "tcp", address)
		_, err := io.WriteString(conn, first)
		require.NoError(t, err)
		said, err := io.ReadAll(lines)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server ends it")
		require.NotContains(t, string(said), "PONG")
		require.NotContains(t, string(said), "+OK")
	}
	require.Zero(t, server.Clients())
}

func TestOlderTLSIsRefused(t *testing.T) {
	a := newAuthority(t)
	server := start(t, nil, a.withTLS)
	roots := x509.NewCertPool()
	text, err := os.ReadFile(a.file)
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(text))
	for version, good := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: false, tls.VersionTLS13: true} {
		_, err := connect(t, server.URL(), nats.Token(server.Token()), nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: version}))
		require.Equal(t, good, err == nil, "%s: %v", tls.VersionName(version), err)
	}
}

func TestACertificateAndAKeyAreBothNeeded(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	server := start(t, nil, a.withTLS, func(o *embed.Options) { o.TLS.ClientCAFile = a.file })
	own, foreign := nats.ClientCert(a.issue("client")), nats.ClientCert(stranger.issue("client"))
	observer := nkey(t, server, embed.Observer)
	for _, c := range []struct {
		name    string
		options []nats.Option
		admits  bool
	}{
		{name: "neither"},
		{name: "a key alone", options: []nats.Option{observer}},
		{name: "a certificate alone", options: []nats.Option{own}},
		{name: "another's certificate and a key", options: []nats.Option{foreign, observer}},
		{name: "a certificate and a wrong token", options: []nats.Option{own, nats.Token("x")}},
		{name: "both", options: []nats.Option{own, observer}, admits: true},
	} {
		_, err := connect(t, server.URL(), append(c.options, nats.RootCAs(a.file))...)
		require.Equal(t, c.admits, err == nil, "%s: %v", c.name, err)
	}
	// A client looks at whom it has come to, too.
	_, err := connect(t, server.URL(), own, observer, nats.RootCAs(stranger.file))
	require.Error(t, err)

	// Beside it, the other ways are as they were.
	connectSocket(t, server)
	connectBus(t, server)
	require.Equal(t, 2, server.Clients())
}
