package embed

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// InboundPrefix is the first segment of the subjects on which the bus gets what clients publish: events.x is in.events.x.
const InboundPrefix = "in"

const (
	clientAccount = "BUS"
	busAccount    = "SELF"
)

// domains are what crosses between the two accounts: events, and what buses tell each other about them.
func domains() []string { return []string{"events.>", "control.>", "eventbus.>"} }

// accounts are the two sides of the server.
type accounts struct {
	clients *server.Account // every client
	bus     *server.Account // the bus of this process, alone
}

// connectAccounts lets each side hear the other.
func connectAccounts(s *server.Server) (accounts, error) {
	clients, err := s.LookupAccount(clientAccount)
	if err != nil {
		return accounts{}, err
	}
	bus, err := s.LookupAccount(busAccount)
	if err != nil {
		return accounts{}, err
	}
	for _, domain := range domains() {
		for _, a := range []*server.Account{clients, bus} {
			if err := a.AddStreamExport(domain, nil); err != nil {
				return accounts{}, fmt.Errorf("export %s from %s: %w", domain, a.Name, err)
			}
		}
		// The order matters. The prefix keeps the two imports from feeding each other, but the server's search for cycles
		// takes the destination of the second import only: the other way round it fails with "import forms a cycle".
		if err := bus.AddStreamImport(clients, domain, InboundPrefix); err != nil {
			return accounts{}, fmt.Errorf("import %s into %s: %w", domain, busAccount, err)
		}
		if err := clients.AddStreamImport(bus, domain, ""); err != nil {
			return accounts{}, fmt.Errorf("import %s into %s: %w", domain, clientAccount, err)
		}
	}
	return accounts{clients: clients, bus: bus}, nil
}

// clientPermissions are what a client may do. They are lists of what is allowed: deny lists of NATS have had holes.
func clientPermissions() *server.Permissions {
	allowed := append(domains(), "_INBOX.>")
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: allowed},
		Subscribe: &server.SubjectPermission{Allow: allowed},
	}
}
