package embed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/daemoneye/eventbus/internal/credentials"
)

// credentialInterval is how soon it is noticed that a credential was rotated or revoked. A new one works at once.
const credentialInterval = time.Second

// credentialed knows whose nkeys may come in, and who has come in with one.
type credentialed struct {
	store  *credentials.Store
	logger *slog.Logger

	mu      sync.Mutex // guards what follows
	current *credentials.Snapshot
	clients map[uint64]credentials.Credential // by the IDs of their connections
}

// openCredentials makes a credential for each role that has none, but for Trusted, which nobody should have by accident: that needs
// Options.Shared.
func openCredentials(ctx context.Context, settings *settings) (*credentialed, error) {
	store, err := credentials.Open(settings.Credentials)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	for name := range settings.roles {
		if name == Trusted && !settings.Shared {
			continue
		}
		if _, err := store.Ensure(ctx, name, name); err != nil {
			return nil, fmt.Errorf("embed: %w", err)
		}
	}
	c := &credentialed{store: store, logger: settings.Logger, clients: make(map[uint64]credentials.Credential)}
	if c.current, err = store.Load(); err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	c.complain(c.current)
	return c, nil
}

// find returns the credential with that public key.
func (c *credentialed) find(key string) (credentials.Credential, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshLocked()
	credential, ok := c.current.Keys[key]
	return credential, ok
}

// refreshLocked reads the directory again if it has changed. Nobody has a key in one that cannot be read.
func (c *credentialed) refreshLocked() {
	if !c.store.Changed(c.current) {
		return
	}
	snapshot, err := c.store.Load()
	if err != nil {
		c.logger.Error("cannot read the clients' credentials; nobody gets in with one", "path", c.store.Dir(), "error", err)
		snapshot = &credentials.Snapshot{}
	}
	c.current = snapshot
	c.complain(snapshot)
}

func (c *credentialed) complain(snapshot *credentials.Snapshot) {
	for _, err := range snapshot.Skipped {
		c.logger.Warn("skipped a credential", "error", err)
	}
}

// connected notes that a connection was let in with a credential.
func (c *credentialed) connected(id uint64, credential credentials.Credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients[id] = credential
}

// outdated returns the connections whose credential is no longer what it was. Those that have gone, as alive says, are forgotten.
func (c *credentialed) outdated(alive func(id uint64) bool) (ids []uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshLocked()
	for id, credential := range c.clients {
		if current, ok := c.current.Keys[credential.Public]; ok && current.Role == credential.Role && alive(id) {
			continue
		}
		delete(c.clients, id)
		ids = append(ids, id)
	}
	return ids
}

// watch disconnects those whose credential was rotated or revoked, until quit is closed.
func (c *credentialed) watch(nats *server.Server, quit <-chan struct{}) {
	ticker := time.NewTicker(credentialInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-quit:
			return
		}
		for _, id := range c.outdated(func(id uint64) bool { return nats.GetClient(id) != nil }) {
			if nats.DisconnectClientByID(id) == nil {
				c.logger.Info("disconnected a client whose credential was rotated or revoked", "client", id)
			}
		}
	}
}
