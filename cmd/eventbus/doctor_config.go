package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/natsurl"
)

// checkConfiguration reads the file and the environment, and what later checks learn from them.
func checkConfiguration(_ context.Context, e *examination) ([]finding, string) {
	config, warnings, err := eventbus.Load(e.Config, sections()...)
	e.deprecated = warnings
	if err != nil {
		var findings []finding
		for line := range strings.SplitSeq(err.Error(), "\n") {
			findings = append(findings, found("Correct it: no program that reads this starts", "%s", strings.TrimPrefix(line, "eventbus: "))...)
		}
		return findings, ""
	}
	e.config = config
	e.adopt()
	if config.BusType == eventbus.Local {
		return found(`Set bus_type = "nats", or use --print of the program itself`, `event_bus.bus_type is "local", so nobody can attach to that program`), ""
	}
	return nil, ""
}

// adopt looks where the configuration says, as far as no flag says otherwise.
func (e *examination) adopt() {
	nats := e.config.NATS
	if e.Socket == "" && e.URL == "" {
		if nats.URL != "" {
			e.URL = nats.URL
			e.Creds, e.CA = cmp.Or(e.Creds, nats.Credentials), cmp.Or(e.CA, nats.TLSCA)
		} else {
			e.Socket = nats.SocketPath
		}
	}
	e.credentialsDir = nats.CredentialsDir
}

func checkDeprecated(_ context.Context, e *examination) ([]finding, string) {
	var findings []finding
	for _, warning := range e.deprecated {
		remedy := "Remove it"
		if warning.Replacement != "" {
			remedy = "Change it: the old name will not be read for ever"
		}
		findings = append(findings, found(remedy, "%s: %s", warning.Origin, warning.Text)...)
	}
	return findings, ""
}

// soon is how long before its end a certificate is worth a warning: renewal takes people.
const soon = 30 * 24 * time.Hour

// checkCertificate looks at the certificate that the configuration names, be it a listener's or a client's.
func checkCertificate(_ context.Context, e *examination) ([]finding, string) {
	files := e.config.NATS
	if files.TLSCert == "" {
		return nil, "the configuration names no certificate"
	}
	pair, err := tls.LoadX509KeyPair(files.TLSCert, files.TLSKey)
	if err != nil {
		return found("Make the two files belong together, in PEM, readable for the user who runs the collector",
			"The certificate %s and the key %s cannot be used: %v", files.TLSCert, files.TLSKey, err), ""
	}
	findings := expiry(files.TLSCert, []*x509.Certificate{pair.Leaf})
	if info, err := os.Stat(files.TLSKey); err == nil && info.Mode().Perm()&0o077 != 0 && modesCount {
		findings = append(findings, found("Run chmod 600 "+daemon.QuoteArgument(files.TLSKey)+", and renew the certificate if others may have read it",
			"The key %s has mode %#o, so other users can read it", files.TLSKey, info.Mode().Perm())...)
	}
	return findings, ""
}

// expiry returns what is wrong with the times of certificates.
func expiry(file string, certificates []*x509.Certificate) (findings []finding) {
	now := time.Now()
	for _, one := range certificates {
		switch left := one.NotAfter.Sub(now); {
		case now.Before(one.NotBefore):
			findings = append(findings, found("Wait until then, or check this host's clock", "The certificate of %s in %s is not valid before %s",
				one.Subject, file, one.NotBefore.Format(time.RFC3339))...)
		case left <= 0:
			findings = append(findings, found("Renew it, and restart who uses it", "The certificate of %s in %s has expired at %s: nobody accepts it any more",
				one.Subject, file, one.NotAfter.Format(time.RFC3339))...)
		case left < soon:
			findings = append(findings, found("Renew it, and restart who uses it", "The certificate of %s in %s expires in %d days, at %s",
				one.Subject, file, int(left.Hours()/24), one.NotAfter.Format(time.RFC3339))...)
		}
	}
	return findings
}

// checkAuthorities looks at the authorities that the configuration and the command line name.
func checkAuthorities(_ context.Context, e *examination) ([]finding, string) {
	files := []string{e.config.NATS.TLSCA, e.config.NATS.Leaf.TLSCA, e.CA}
	slices.Sort(files)
	files = slices.DeleteFunc(slices.Compact(files), func(file string) bool { return file == "" })
	if len(files) == 0 {
		return nil, "the configuration names no authorities"
	}
	var findings []finding
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			findings = append(findings, found("Put the authorities there, or change the configuration", "The authorities cannot be read: %v", err)...)
			continue
		}
		certificates, err := parseCertificates(text)
		if err != nil {
			findings = append(findings, found("Put the authorities there in PEM", "%s cannot be used: %v", file, err)...)
			continue
		}
		findings = append(findings, expiry(file, certificates)...)
	}
	return findings, ""
}

// hubTimeout bounds the attempt to reach the hub.
const hubTimeout = 3 * time.Second

// checkHub tries to reach the hub from here.
func checkHub(ctx context.Context, e *examination) ([]finding, string) {
	leaf := e.config.NATS.Leaf
	if leaf.Hub == "" {
		return nil, "the configuration names no hub"
	}
	shown, err := natsurl.Servers(leaf.Hub)
	if err != nil {
		return nil, "the configuration names no hub that could be" // which that check has said
	}
	var failed error
	for server := range strings.SplitSeq(leaf.Hub, ",") {
		err := reach(ctx, strings.TrimSpace(server), "7422")
		if err == nil {
			return nil, ""
		}
		failed = errors.Join(failed, err)
	}
	return found("Check the address, the network, and whether the hub runs and lets leaf nodes in; the collector goes on trying by itself",
		"The hub %s is away: %v. Its subscribers miss what is published here meanwhile", shown, failed), ""
}

// reach makes a connection to a server and ends it.
func reach(ctx context.Context, server, port string) error {
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return errors.New("the address cannot be read") // it may hold a password
	}
	dialer := net.Dialer{Timeout: hubTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)))
	if err != nil {
		return err
	}
	return conn.Close()
}

// checkListenAddress looks whether the configuration's listener is there, or could be.
func checkListenAddress(ctx context.Context, e *examination) ([]finding, string) {
	wanted := e.config.NATS.Listen
	host, port, err := net.SplitHostPort(wanted)
	if wanted == "" || err != nil || e.config.NATS.URL != "" {
		return nil, "the configuration names no address"
	}
	if e.serving {
		if e.listens == "" {
			return found("Restart the collector with this configuration", "The configuration has a listener at %s, but the server that runs at %s has none", wanted, e.place.socket), ""
		}
		if u, err := url.Parse(e.listens); err == nil && port != "0" && u.Port() != port {
			return found("Restart the collector with this configuration", "The configuration has a listener at %s, but the server that runs listens at %s", wanted, e.listens), ""
		}
		return nil, ""
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return found("Stop what uses the address, or choose another one as event_bus.nats.listen: a collector with this configuration does not start",
			"Nobody could listen at %s: %v", wanted, err), ""
	}
	_ = listener.Close() // it was only tried
	return nil, ""
}

// parseCertificates returns the certificates in a file in PEM.
func parseCertificates(text []byte) (certificates []*x509.Certificate, err error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		one, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, one)
	}
	if len(certificates) == 0 {
		return nil, errors.New("it holds no certificate")
	}
	return certificates, nil
}
