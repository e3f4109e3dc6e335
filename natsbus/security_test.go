package natsbus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/natsbus"
)

// selfSigned returns the files of a certificate for 127.0.0.1, which is its own authority, and of its key.
func selfSigned(t testing.TB) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "host"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	text, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "host.pem"), filepath.Join(dir, "host.key")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: text}} {
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	}
	return certificate, key
}

func seedOf(server *embed.Server, role string) string {
	return filepath.Join(server.Credentials(), role+".nk")
}

func TestTLS(t *testing.T) {
	certificate, key := selfSigned(t)
	stranger, _ := selfSigned(t)
	server := startServerWith(t, &embed.Options{Role: embed.Trusted, TLS: embed.TLS{CertFile: certificate, KeyFile: key, ClientCAFile: certificate}})
	own := natsbus.TLS{CAFile: certificate, CertFile: certificate, KeyFile: key}
	observer := seedOf(server, embed.Observer)
	for name, options := range map[string]*natsbus.Options{
		"no authority":         {Credentials: observer},
		"another authority":    {Credentials: observer, TLS: natsbus.TLS{CAFile: stranger, CertFile: certificate, KeyFile: key}},
		"no certificate":       {Credentials: observer, TLS: natsbus.TLS{CAFile: certificate}},
		"no credential":        {TLS: own},
		"an authority missing": {Credentials: observer, TLS: natsbus.TLS{CAFile: certificate + ".none"}},
	} {
		_, err := natsbus.Connect(background(t), server.URL(), options)
		require.Error(t, err, name)
	}
	_, err := natsbus.Connect(background(t), "nats://"+server.URL()[len("tls://"):], &natsbus.Options{Credentials: observer})
	require.Error(t, err, "plain text")

	// All three ways in at once.
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	for _, b := range []*natsbus.Bus{
		closing(t)(natsbus.Connect(background(t), server.URL(), &natsbus.Options{Credentials: observer, TLS: own})),
		closing(t)(natsbus.Attach(background(t), server.Socket(), nil)),
		closing(t)(natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Credentials: observer})),
	} {
		r := subscribe(t, b, "s", "events.#")
		require.NoError(t, inside.Publish(background(t), process(1)))
		require.Equal(t, uint32(1), nextPID(t, r))
	}
}

func TestCredentialFilesThatCannotBeUsed(t *testing.T) {
	server := startServer(t)
	good := seedOf(server, embed.Observer)
	text, err := os.ReadFile(good)
	require.NoError(t, err)
	dir := t.TempDir()
	path := func(name string, content []byte, mode os.FileMode) string {
		file := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(file, content, mode))
		require.NoError(t, os.Chmod(file, mode))
		return file
	}
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(good, link))
	for name, file := range map[string]string{
		"others may read it": path("group.nk", text, 0o640), "everybody may": path("world.nk", text, 0o604),
		"garbage": path("garbage.nk", []byte("SUGARBAGE"), 0o600), "empty": path("empty.nk", nil, 0o600),
		"missing": filepath.Join(dir, "none.nk"), "a link": link, "a directory": dir,
	} {
		for _, open := range []func() (*natsbus.Bus, error){
			func() (*natsbus.Bus, error) {
				return natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Credentials: file})
			},
			func() (*natsbus.Bus, error) {
				return natsbus.Connect(background(t), server.URL(), &natsbus.Options{Credentials: file})
			},
		} {
			_, err := open()
			require.ErrorIs(t, err, bus.ErrInvalid, name)
			require.ErrorContains(t, err, file, name)
			require.NotContains(t, err.Error(), string(text), name)
			require.NotContains(t, err.Error(), "GARBAGE", name)
		}
	}
}

// TestABusComesBackWithARotatedCredential: by itself, with the key that the file has then, and with its subscriptions.
func TestABusComesBackWithARotatedCredential(t *testing.T) {
	server := startServer(t)
	store, err := credentials.Open(server.Credentials())
	require.NoError(t, err)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	for way, open := range map[string]func(*natsbus.Options) (*natsbus.Bus, error){
		"socket": func(o *natsbus.Options) (*natsbus.Bus, error) {
			return natsbus.Attach(background(t), server.Socket(), o)
		},
		"listener": func(o *natsbus.Options) (*natsbus.Bus, error) { return natsbus.Connect(background(t), server.URL(), o) },
	} {
		b := closing(t)(open(&natsbus.Options{Credentials: seedOf(server, embed.Observer), Bus: bus.Options{Logger: testLogger(t)}}))
		r := subscribe(t, b, "s", "events.#")
		for rotation := range uint64(2) {
			_, _, err = store.Rotate(t.Context(), embed.Observer)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return b.Statistics().Reconnects == rotation+1 }, patience, time.Millisecond, way)
			require.NoError(t, b.Flush(background(t)), way)
			require.NoError(t, inside.Publish(background(t), process(7)))
			require.Equal(t, uint32(7), nextPID(t, r), way)
		}
	}
}

// TestARevokedBusStaysOutside until it has a credential again.
func TestARevokedBusStaysOutside(t *testing.T) {
	server := startServer(t)
	store, err := credentials.Open(server.Credentials())
	require.NoError(t, err)
	b := closing(t)(natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Credentials: seedOf(server, embed.Observer)}))
	require.NoError(t, store.Revoke(t.Context(), embed.Observer))
	require.Eventually(t, unconnected(b), patience, time.Millisecond)
	// It tries again and again with what it had.
	_, err = natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Credentials: seedOf(server, embed.Observer)})
	require.ErrorIs(t, err, bus.ErrInvalid)
	require.False(t, b.Statistics().Connected)
	_, _, err = store.Make(t.Context(), embed.Observer, embed.Observer, true)
	require.NoError(t, err)
	require.Eventually(t, connected(b), patience, time.Millisecond)
}
