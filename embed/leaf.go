package embed

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/internal/natsurl"
	"github.com/daemoneye/eventbus/subjects"
)

// Hub is the role of what comes from the hub of a leaf node. Nobody else can have it.
const Hub = "hub"

// leafAccount is where the connection to the hub is, alone.
const leafAccount = "LEAF"

const (
	defaultLeafPrefix = "fleet"

	// leafDown stands between the host and the topic of what the hub publishes for it.
	leafDown = "down"

	// leafReconnect is the pause between two attempts to reach the hub. The server adds as much again, at random.
	leafReconnect = time.Second
	// leafDial bounds an attempt, and so how long Stop may have to wait for it.
	leafDial = time.Second
	// leafInfo bounds the wait for the first word of a hub that has accepted a connection.
	leafInfo = 2 * time.Second
	// leafWriteDeadline bounds a write to the hub. Until it is over, what waits grows: the server has no other bound for a leaf node.
	leafWriteDeadline = 2 * time.Second
)

// LeafOptions say how the server joins a hub as a leaf node: a NATS server or cluster with a leaf node listener. What the hub
// subscribes to of this host's topics goes up, each event once, however many subscribers there are. The zero value joins none.
type LeafOptions struct {
	// Hub is the address of the hub's listener, several separated by commas, such as tls://hub.example:7422; the port is 7422 if it is
	// missing. It may hold a user and a password. With tls, the connection is encrypted or not made; without, it is encrypted if the
	// hub asks for it. Empty joins no hub.
	Hub string
	// Credentials is the file with the nkey seed by which the hub knows this host, which is read once, or with the JWT and the seed of
	// a user if its name ends in .creds, which is read for each connection; empty is none.
	Credentials string
	// CAFile has the authorities that the hub's certificate may be of, in PEM; empty are the system's. With it, the connection is
	// encrypted or not made.
	CAFile string
	// Prefix and Host stand before the topics of this host at the hub, as in fleet.web1.events.process.lifecycle. Prefix is one to
	// four segments, and empty is fleet. Host is one, and empty is the name of the host in lower case, with a dash for what may not
	// be in a segment. A hub cuts off one of two hosts that have the same.
	Prefix, Host string
	// Topics are the patterns of what may go up; empty is events.# and control.health.#.
	Topics []string
	// Accept are the patterns of what the hub may publish here, as [Hub], on prefix.host.down.topic; empty is nothing.
	Accept []string
}

// leafSettings are checked LeafOptions.
type leafSettings struct {
	hub      string // for people to see
	urls     []*url.URL
	seed     string
	tls      *tls.Config
	prefix   string   // prefix and host
	topics   []string // NATS subjects, of which none matches what another one does
	accepted []string // NATS subjects
}

var (
	leafSegment = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	leafPrefix  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}(\.[a-z0-9][a-z0-9_-]{0,63}){0,3}$`)
	notSegment  = regexp.MustCompile(`[^a-z0-9_-]+`)
)

// Validate returns an [*OptionError] for each value that cannot be right, joined, or nil. It looks at no file and at nothing of the host.
func (o LeafOptions) Validate() error {
	var problems []error
	check := func(ok bool, field, value, reason string) {
		if !ok {
			problems = append(problems, &OptionError{Field: "Leaf." + field, Value: value, Reason: reason})
		}
	}
	if o.Hub != "" {
		_, err := natsurl.Servers(o.Hub)
		check(err == nil, "Hub", "", fmt.Sprint(err)) // the value may hold a password
	}
	check(o.Prefix == "" || leafPrefix.MatchString(o.Prefix), "Prefix", o.Prefix, "must be 1 to 4 segments, each 1 to 64 of a-z, 0-9, _ and -, the first neither _ nor -")
	check(o.Host == "" || leafSegment.MatchString(o.Host), "Host", o.Host, "must be 1 to 64 of a-z, 0-9, _ and -, the first neither _ nor -")
	for _, list := range []struct {
		field    string
		patterns []string
	}{{"Topics", o.Topics}, {"Accept", o.Accept}} {
		for _, pattern := range list.patterns {
			_, err := subjects.ParsePattern(pattern)
			check(err == nil, list.field, pattern, fmt.Sprint(err))
		}
	}
	return errors.Join(problems...)
}

// checkLeaf reads the options and the files that they name.
func (s *settings) checkLeaf() error {
	options := s.Leaf
	if err := options.Validate(); err != nil || options.Hub == "" {
		return err
	}
	refuse := func(field, value string, err error) error {
		return &OptionError{Field: "Leaf." + field, Value: value, Reason: err.Error()}
	}
	l := &leafSettings{}
	var err error
	if l.urls, l.hub, err = natsurl.Parse(options.Hub); err != nil {
		return refuse("Hub", "", err)
	}
	options.Prefix = cmp.Or(options.Prefix, defaultLeafPrefix)
	if options.Host == "" {
		if options.Host, err = hostSegment(os.Hostname()); err != nil {
			return refuse("Host", "", err)
		}
	}
	l.prefix = options.Prefix + "." + options.Host
	if len(options.Topics) == 0 {
		options.Topics = []string{"events.#", "control.health.#"}
	}
	hub, err := Role{Name: Hub, Publish: options.Accept, Subscribe: options.Topics, Sources: []string{"*"}}.check()
	if err != nil {
		return err
	}
	l.topics, l.accepted = withoutRepeats(hub.subscribe), withoutRepeats(hub.publish)
	if s.roles[Hub] != nil {
		return &OptionError{Field: "Roles[" + Hub + "].Name", Value: Hub, Reason: "is the role of the hub that Leaf.Hub names"}
	}
	if err := l.readCredentials(options.Credentials); err != nil {
		return refuse("Credentials", options.Credentials, err)
	}
	if err := l.readAuthorities(options.CAFile); err != nil {
		return refuse("CAFile", options.CAFile, err)
	}
	s.Leaf, s.leaf, s.hub = options, l, hub
	return nil
}

// hostSegment makes a segment of the name of a host.
func hostSegment(name string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	name = strings.TrimLeft(notSegment.ReplaceAllString(strings.ToLower(name), "-"), "_-")
	name = name[:min(len(name), 64)]
	if name == "" {
		return "", fmt.Errorf("the name of the host is no help: give one")
	}
	return name, nil
}

// withoutRepeats leaves out subjects that lie within others.
func withoutRepeats(list []string) (left []string) {
	list = unique(append([]string(nil), list...))
	for _, one := range list {
		within := false
		for _, other := range list {
			within = within || one != other && server.SubjectMatchesFilter(one, other)
		}
		if !within {
			left = append(left, one)
		}
	}
	return left
}

func (l *leafSettings) readCredentials(path string) error {
	switch {
	case path == "":
		return nil
	case !strings.HasSuffix(path, ".creds"):
		seed, err := credentials.ReadSeed(path)
		l.seed = string(seed)
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	defer clear(content)
	if _, err := jwt.ParseDecoratedJWT(content); err != nil {
		return fmt.Errorf("holds no JWT")
	}
	key, err := jwt.ParseDecoratedUserNKey(content)
	if err != nil {
		return fmt.Errorf("holds no seed of a user")
	}
	key.Wipe()
	return nil
}

// readAuthorities makes the TLS configuration, if there has to be TLS.
func (l *leafSettings) readAuthorities(path string) error {
	for _, u := range l.urls {
		if u.Scheme == "tls" || u.Scheme == "wss" {
			l.tls = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	if path == "" {
		return nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	l.tls = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if !l.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("holds no certificate")
	}
	return nil
}

// options returns what makes the server join the hub. There is no listener for leaf nodes here.
func (l *leafSettings) options(credentials string) server.LeafNodeOpts {
	remote := &server.RemoteLeafOpts{
		LocalAccount: leafAccount, URLs: l.urls, TLS: l.tls != nil, TLSConfig: l.tls, FirstInfoTimeout: leafInfo, DialTimeout: leafDial,
	}
	if l.seed != "" {
		remote.Nkey = l.seed
	} else {
		remote.Credentials = credentials
	}
	return server.LeafNodeOpts{
		ReconnectInterval: leafReconnect, WriteDeadline: leafWriteDeadline, WriteTimeout: server.WriteTimeoutPolicyClose,
		Remotes: []*server.RemoteLeafOpts{remote},
	}
}

// connectLeaf lets the account of the hub have what was chosen, under the name of this host, and gives the bus what it accepts. There
// is nothing else in that account: whatever the hub sends meets nobody, and whatever it subscribes to is empty.
func connectLeaf(bus, leaf *server.Account, l *leafSettings) error {
	for _, subject := range l.topics {
		if err := leaf.AddStreamImport(bus, subject, l.prefix); err != nil {
			return fmt.Errorf("import %s: %w", subject, err)
		}
	}
	for _, subject := range l.accepted {
		down := l.prefix + "." + leafDown + "." + subject
		if err := leaf.AddStreamExport(down, []*server.Account{bus}); err != nil {
			return fmt.Errorf("export %s: %w", down, err)
		}
		if err := bus.AddMappedStreamImport(leaf, down, InboundPrefix+"."+Hub+"."+link.PlainPrefix+subject); err != nil {
			return fmt.Errorf("import %s: %w", down, err)
		}
	}
	return nil
}
