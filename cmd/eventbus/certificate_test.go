//go:build unix

package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/stretchr/testify/require"
)

// certificate makes a certificate that is valid from so many days from now until so many, has it in the configuration, and returns the path
// of its key.
func (i *ill) certificate(from, until int) (key string) {
	i.Helper()
	const day = 24 * time.Hour
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(i, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bus"},
		NotBefore: time.Now().Add(time.Duration(from) * day), NotAfter: time.Now().Add(time.Duration(until) * day),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(i, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(i, err)
	key = i.file("cert.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})))
	file := i.file("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	i.configured("[event_bus.nats]\ntls_cert = '" + file + "'\ntls_key = '" + key + "'\nlisten = '127.0.0.1:0'\n")
	return key
}
