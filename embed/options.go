package embed

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// Options are the settings of a server. The zero value is valid.
type Options struct {
	// Socket is the path of the unix socket; empty is rendezvous.DefaultSocket. Its directory is made if it is missing, and
	// must be this user's alone.
	Socket string
	// NoSocket makes no unix socket. If there is a loopback listener, the files with its token and its URL are still where
	// Socket says, so that tools find them in the same way. Without either, the server is for this process alone and
	// touches no file.
	NoSocket bool
	// Listen is the address of an additional listener, such as 127.0.0.1:4222, [::1]:4222 or localhost:4222. Port 0 takes a free
	// one. Empty means none. An address that is not loopback needs TLS.
	Listen string
	// TLS encrypts the connections of the listener: version 1.3 and no other, without a way down to plain text. The zero value is no
	// TLS.
	TLS TLS
	// Name is the name that the server tells its clients, without spaces; empty is "eventbus".
	Name string
	// Logger takes the messages of this package and of the NATS server, whose notices come at debug level; nil discards
	// them.
	Logger *slog.Logger

	// Role is that of the processes of this user, and of root, on the socket and with the token; empty is Agent.
	Role string
	// Users are the roles of other users on the socket, by their uid. With any, the socket's directory is one that others may enter
	// and not change (mode 0711), and the kernel's word on who they are is the guard.
	Users map[int]string
	// Roles are additional roles. One with the name of one of [Roles] takes its place.
	Roles []Role
	// Shared makes a credential for the role Trusted as well, for other processes of this user that share the server.
	Shared bool
	// Credentials is the directory of the clients' nkeys, made with one for each role but Trusted if it is not there; empty is where
	// credentials.Dir says. It is read again when it changes: who has a key that is no longer there is disconnected.
	Credentials string

	// MaxPayload is the size of the largest event in bytes; 0 is 256 KiB, at most 64 MiB. The server takes messages that are
	// larger by link.BatchOverhead, ten bytes, so that such an event can also be sent in the form that buses use among themselves.
	MaxPayload int
	// MaxConnections is the number of clients at a time through the unix socket; 0 is 256. All together, the bus of this process
	// and the loopback listener included, there may be four more.
	MaxConnections int
	// MaxSubscriptions is the number of subscriptions of one connection, that of the bus included; 0 is 30,000. A bus of
	// another process has three for each subject.
	MaxSubscriptions int
	// MaxPending is how much may wait for a client that does not read fast enough, in bytes; beyond that it is
	// disconnected. 0 is 64 MiB; not less than MaxPayload.
	MaxPending int64
	// WriteDeadline bounds a write to a client, which is disconnected when it is exceeded; 0 is ten seconds.
	WriteDeadline time.Duration
	// AuthTimeout is how long a new client may take to authenticate; 0 is five seconds.
	AuthTimeout time.Duration
	// PingInterval is how often an idle client is asked whether it is still there; it is disconnected after two pings
	// without an answer. 0 is two minutes.
	PingInterval time.Duration
}

const (
	defaultName             = "eventbus"
	defaultMaxPayload       = 256 << 10
	defaultMaxConnections   = 256
	defaultMaxSubscriptions = 30_000
	defaultMaxPending       = 64 << 20
	defaultWriteDeadline    = 10 * time.Second
	defaultAuthTimeout      = 5 * time.Second
	defaultPingInterval     = 2 * time.Minute

	// limitMaxPayload is the most that a NATS server should be given, in bytes.
	limitMaxPayload = 64 << 20
)

// settings are checked Options with their defaults filled in.
type settings struct {
	Options
	listenHost string // IP, or empty if there is no listener
	listenPort int
	tls        *tls.Config
	roles      map[string]*role
}

// userRole returns the role of a user of the socket, nil if there is none for that one.
func (s *settings) userRole(uid int) *role {
	// Nothing keeps root out anyway.
	if own := os.Geteuid(); uid == own || uid == 0 {
		return s.roles[s.Role]
	}
	return s.roles[s.Users[uid]]
}

// files says whether the server has any file, that is, whether another process can get in.
func (s *settings) files() bool { return !s.NoSocket || s.listenHost != "" }

// check returns the settings or an [*OptionError]. It changes nothing in the caller's value.
func (o *Options) check() (*settings, error) {
	s := &settings{}
	if o != nil {
		s.Options = *o
	}
	if strings.ContainsFunc(s.Name, func(r rune) bool { return r <= ' ' }) {
		return nil, &OptionError{Field: "Name", Value: s.Name, Reason: "spaces are not allowed"}
	}
	if s.Name == "" {
		s.Name = defaultName
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	for _, err := range []error{
		fill("MaxPayload", &s.MaxPayload, defaultMaxPayload, limitMaxPayload),
		fill("MaxConnections", &s.MaxConnections, defaultMaxConnections, math.MaxInt32),
		fill("MaxSubscriptions", &s.MaxSubscriptions, defaultMaxSubscriptions, math.MaxInt32),
		fill("MaxPending", &s.MaxPending, max(defaultMaxPending, int64(s.MaxPayload)), math.MaxInt64),
		fill("WriteDeadline", &s.WriteDeadline, defaultWriteDeadline, time.Hour),
		fill("AuthTimeout", &s.AuthTimeout, defaultAuthTimeout, time.Hour),
		fill("PingInterval", &s.PingInterval, defaultPingInterval, 24*time.Hour),
		s.checkTLS(),
		s.checkListen(),
		s.checkSocket(),
		s.checkRoles(),
	} {
		if err != nil {
			return nil, err
		}
	}
	if s.MaxPending < int64(s.MaxPayload) {
		return nil, &OptionError{Field: "MaxPending", Value: strconv.FormatInt(s.MaxPending, 10), Reason: "less than MaxPayload"}
	}
	return s, nil
}

// fill puts the default in place of zero and checks the range.
func fill[T ~int | ~int64](field string, value *T, fallback, most T) error {
	if *value == 0 {
		*value = fallback
	}
	if *value < 0 || *value > most {
		return &OptionError{Field: field, Value: strconv.FormatInt(int64(*value), 10), Reason: "must be from 1 to " + strconv.FormatInt(int64(most), 10)}
	}
	return nil
}

// checkListen accepts loopback addresses, and with TLS all others. Names other than localhost are refused and not looked up, because
// what they mean can change.
func (s *settings) checkListen() error {
	if s.Listen == "" {
		return nil
	}
	refuse := func(reason string) error { return &OptionError{Field: "Listen", Value: s.Listen, Reason: reason} }
	host, service, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return refuse("must be host:port")
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return refuse("the port must be a number from 0 to 65535")
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return refuse("must be an IP address and a port, such as 127.0.0.1:4222")
	case !addr.IsLoopback() && s.tls == nil:
		return refuse("must be a loopback address such as 127.0.0.1:4222 as long as there is no TLS")
	}
	s.listenHost, s.listenPort = host, int(port)
	return nil
}

// checkRoles fills in the roles and checks those that others refer to.
func (s *settings) checkRoles() error {
	s.Role = cmp.Or(s.Role, Agent)
	s.roles = make(map[string]*role)
	for _, r := range append(Roles(), s.Roles...) {
		checked, err := r.check()
		if err != nil {
			return err
		}
		s.roles[r.Name] = checked
	}
	if s.roles[s.Role] == nil {
		return &OptionError{Field: "Role", Value: s.Role, Reason: "there is no such role"}
	}
	for uid, name := range s.Users {
		field := fmt.Sprintf("Users[%d]", uid)
		switch {
		case uid < 0 || uid > math.MaxUint32:
			return &OptionError{Field: field, Value: name, Reason: "is no user's number"}
		case s.roles[name] == nil:
			return &OptionError{Field: field, Value: name, Reason: "there is no such role"}
		case !rendezvous.PeerCredentialsSupported:
			return &OptionError{Field: field, Value: name, Reason: "this operating system does not tell who is at the other end of a socket"}
		}
	}
	return nil
}

func (s *settings) checkSocket() error {
	if !s.files() {
		return nil
	}
	if s.Socket == "" {
		socket, err := rendezvous.DefaultSocket()
		if err != nil {
			return fmt.Errorf("embed: %w", err)
		}
		s.Socket = socket
	}
	// The files must be found again when the server stops, also if the program has gone to another directory by then.
	socket, err := filepath.Abs(s.Socket)
	if err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	s.Socket = socket
	if s.Credentials == "" {
		if s.Credentials, err = credentials.Dir(s.Socket); err != nil {
			return fmt.Errorf("embed: %w", err)
		}
	}
	if s.Credentials, err = filepath.Abs(s.Credentials); err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	if s.NoSocket {
		return nil
	}
	if err := rendezvous.CheckSocketPath(s.Socket); err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	return nil
}
