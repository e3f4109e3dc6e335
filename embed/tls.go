package embed

import (
	"crypto/tls"
	"crypto/x509"
	"os"
)

// TLS is where the listener's certificates are. Files are in PEM.
type TLS struct {
	// CertFile and KeyFile are the server's certificate, followed by intermediate ones, and its key.
	CertFile, KeyFile string
	// ClientCAFile has the authorities of which a client must show a certificate, beside its credential; empty asks for none.
	ClientCAFile string
}

// checkTLS reads the files.
func (s *settings) checkTLS() error {
	files := s.TLS
	if files == (TLS{}) {
		return nil
	}
	if s.Listen == "" {
		return &OptionError{Field: "TLS.CertFile", Value: files.CertFile, Reason: "there is no listener to encrypt"}
	}
	certificate, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		return &OptionError{Field: "TLS.CertFile", Value: files.CertFile, Reason: err.Error()}
	}
	s.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
	if files.ClientCAFile == "" {
		return nil
	}
	pem, err := os.ReadFile(files.ClientCAFile)
	if err != nil {
		return &OptionError{Field: "TLS.ClientCAFile", Value: files.ClientCAFile, Reason: err.Error()}
	}
	s.tls.ClientCAs, s.tls.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !s.tls.ClientCAs.AppendCertsFromPEM(pem) {
		return &OptionError{Field: "TLS.ClientCAFile", Value: files.ClientCAFile, Reason: "holds no certificate"}
	}
	return nil
}
