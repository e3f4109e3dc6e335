package embed

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/daemoneye/eventbus/internal/link"
)

// InboundPrefix is the first segment of the subjects on which the bus of this process gets what others publish: events.x is
// in.events.x.
const InboundPrefix = "in"

// The accounts. Each kind of connection has one of its own, so that the bus of this process can ask who wants a message, a plain
// client or another bus, and so that each gets it in the form that it understands.
const (
	clientAccount = "BUS"   // plain NATS clients
	peerAccount   = "PEERS" // buses in other processes
	busAccount    = "SELF"  // the bus of this process, alone
)

// What crosses between accounts: events, and what buses tell each other.
const (
	events  = "events.>"
	control = "control.>"
	between = link.Domain + ".>"
)

// accounts are the sides of the server.
type accounts struct {
	clients, peers, bus *server.Account
}

// connections returns the number of authenticated connections from outside.
func (a *accounts) connections() int {
	return a.clients.NumLocalConnections() + a.peers.NumLocalConnections()
}

// connectAccounts lets each side hear the others, as far as it should. To buses in other processes, the bus of this process sends
// batches of events below link.Domain; the single events that it sends are for plain clients alone.
func connectAccounts(s *server.Server) (accounts, error) {
	var a accounts
	for name, account := range map[string]**server.Account{clientAccount: &a.clients, peerAccount: &a.peers, busAccount: &a.bus} {
		var err error
		if *account, err = s.LookupAccount(name); err != nil {
			return accounts{}, err
		}
		for _, domain := range domains() {
			if err := (*account).AddStreamExport(domain, nil); err != nil {
				return accounts{}, fmt.Errorf("export %s from %s: %w", domain, name, err)
			}
		}
	}
	// The order matters. The prefixes keep two accounts from feeding each other, but the server's search for cycles takes the
	// destination of the second import only: the other way round it fails with "import forms a cycle".
	for _, i := range []struct {
		to, from *server.Account
		prefix   string
		domains  []string
	}{
		{a.bus, a.clients, InboundPrefix, domains()},
		{a.bus, a.peers, InboundPrefix, domains()},
		{a.peers, a.clients, link.ClientsPrefix, domains()},
		{a.peers, a.bus, "", []string{between}},
		{a.clients, a.bus, "", domains()},
		{a.clients, a.peers, "", domains()},
	} {
		for _, domain := range i.domains {
			if err := i.to.AddStreamImport(i.from, domain, i.prefix); err != nil {
				return accounts{}, fmt.Errorf("import %s from %s into %s: %w", domain, i.from.Name, i.to.Name, err)
			}
		}
	}
	return a, nil
}

func domains() []string { return []string{events, control, between} }

// permissions are what a connection from outside may do. They are lists of what is allowed: deny lists of NATS have had holes.
func permissions() *server.Permissions {
	publish := append(domains(), "_INBOX.>")
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: append([]string{link.ClientsPrefix + ".>"}, publish...)},
	}
}
