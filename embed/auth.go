package embed

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"sync"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/daemoneye/eventbus/internal/link"
)

// newSecret returns 32 random bytes as text that fits in a URL.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// authenticator decides which account a connection belongs to.
type authenticator struct {
	secret      string // of the bus
	token       string // of the clients
	permissions *server.Permissions
	outsiders   *outsiders

	mu       sync.Mutex // guards what follows
	accounts accounts
	trusted  map[uint64]struct{} // IDs that the server gave to connections from Server.InProcessConn
}

var _ server.Authentication = (*authenticator)(nil)

func newAuthenticator() *authenticator {
	return &authenticator{
		secret:      newSecret(),
		token:       newSecret(),
		permissions: permissions(),
		outsiders:   newOutsiders(),
		trusted:     make(map[uint64]struct{}),
	}
}

// Check implements [server.Authentication]: it is called for each CONNECT.
func (a *authenticator) Check(c server.ClientAuthentication) bool {
	if c.Kind() != server.CLIENT {
		return false
	}
	given := c.GetOpts().Token
	a.mu.Lock()
	accounts := a.accounts
	_, trusted := a.trusted[c.GetID()]
	a.mu.Unlock()

	switch {
	case trusted && same(given, a.secret):
		c.RegisterUser(&server.User{Username: "bus", Account: accounts.bus})
	case same(given, a.token) && link.IsBus(c.GetOpts().Name):
		c.RegisterUser(&server.User{Username: "peer", Account: accounts.peers, Permissions: a.permissions})
		a.outsiders.admit()
	case same(given, a.token):
		c.RegisterUser(&server.User{Username: "client", Account: accounts.clients, Permissions: a.permissions})
		a.outsiders.admit()
	default:
		return false
	}
	return true
}

// same compares in a time that tells nothing about where the two differ.
func same(given, want string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
}

func (a *authenticator) setAccounts(accounts accounts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.accounts = accounts
}

func (a *authenticator) trust(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trusted[id] = struct{}{}
}

func (a *authenticator) distrust(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.trusted, id)
}
