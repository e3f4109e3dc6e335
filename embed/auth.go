package embed

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/link"
)

// newSecret returns 32 random bytes as text that fits in a URL.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// authenticator decides which role a connection has, and so which account and which permissions.
type authenticator struct {
	secret      string // of the bus
	token       string // of the processes of this user
	roles       map[string]*role
	user        *role         // of the processes of this user
	credentials *credentialed // nil if nobody can have any
	outsiders   *outsiders
	// succeed ends the earlier connections of a bus of that role, when it connects anew.
	succeed func(role, connection string, id uint64)

	mu       sync.Mutex // guards what follows
	accounts accounts
	trusted  map[uint64]struct{} // IDs that the server gave to connections from Server.InProcessConn
	users    map[uint64]*role    // IDs of connections of the socket, with the role of the user at their other end
}

var _ server.Authentication = (*authenticator)(nil)

func newAuthenticator(settings *settings) *authenticator {
	return &authenticator{
		secret:    newSecret(),
		token:     newSecret(),
		roles:     settings.roles,
		user:      settings.roles[settings.Role],
		outsiders: newOutsiders(),
		trusted:   make(map[uint64]struct{}),
		users:     make(map[uint64]*role),
	}
}

// Check implements [server.Authentication]: it is called for each CONNECT.
func (a *authenticator) Check(c server.ClientAuthentication) bool {
	if c.Kind() != server.CLIENT {
		return false
	}
	a.mu.Lock()
	accounts := a.accounts
	_, trusted := a.trusted[c.GetID()]
	user := a.users[c.GetID()]
	a.mu.Unlock()
	if trusted && same(c.GetOpts().Token, a.secret) {
		c.RegisterUser(&server.User{Username: busAccount, Account: accounts.bus})
		return true
	}
	role, credential := a.identify(c, user)
	if role == nil {
		return false
	}
	permissions := role.permissions()
	if publisher, ok := link.Publisher(c.GetOpts().Name); ok {
		permissions = role.busPermissions(publisher)
		a.succeed(role.Name, link.ConnectionName("", publisher), c.GetID())
	}
	name := role.Name
	if credential.Name != "" {
		name = credential.Name
		a.credentials.connected(c.GetID(), credential)
	}
	c.RegisterUser(&server.User{Username: name, Account: accounts.roles[role.Name], Permissions: permissions})
	a.outsiders.admit()
	return true
}

// identify returns the role that the connection may have, nil if it has none, and the credential if it came with one. user is the
// role of the user at the other end of the socket, nil if it did not come that way. What the connection presents counts
// first: whoever presents something wrong gets in nowhere.
func (a *authenticator) identify(c server.ClientAuthentication, user *role) (role *role, credential credentials.Credential) {
	options := c.GetOpts()
	switch {
	case options.Nkey != "":
		if a.credentials != nil && signed(options.Nkey, options.Sig, c.GetNonce()) {
			credential, _ = a.credentials.find(options.Nkey)
			role = a.roles[credential.Role]
		}
	case options.Token != "":
		if same(options.Token, a.token) {
			role = a.user
		}
	case options.Username == "" && options.Password == "" && options.JWT == "" && options.Sig == "":
		// A server without operators takes the JWT away before it asks here; the signature that comes with it is still there.
		role = user
	}
	return role, credential
}

// signed reports whether the holder of the key has signed the nonce that the server greeted it with.
func signed(key, signature string, nonce []byte) bool {
	if len(nonce) == 0 {
		return false
	}
	public, err := nkeys.FromPublicKey(key)
	if err != nil || !nkeys.IsValidPublicUserKey(key) {
		return false
	}
	// Clients write it in either of two ways.
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		if raw, err = base64.StdEncoding.DecodeString(signature); err != nil {
			return false
		}
	}
	return public.Verify(nonce, raw) == nil
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

// arrive notes who is at the other end of a connection of the socket, until leave; nil is somebody whom nobody knows.
func (a *authenticator) arrive(id uint64, user *role) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.users[id] = user
}

func (a *authenticator) leave(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.users, id)
}
