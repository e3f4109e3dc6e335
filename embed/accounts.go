package embed

import (
	"fmt"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/daemoneye/eventbus/internal/link"
)

// InboundPrefix is the first segment of the subjects on which the bus of this process gets what others publish, followed by their
// role: what a plain client publishes on x arrives as in.role.up.plain.x.
const InboundPrefix = "in"

// busAccount is where the bus of this process is, alone. Each role has an account of its own.
const busAccount = "SELF"

// What the bus of this process publishes for everybody: events, and what buses tell each other.
const (
	events  = "events.>"
	control = "control.>"
	between = link.Domain + ".>"
)

// accounts are the sides of the server.
type accounts struct {
	bus   *server.Account
	roles map[string]*server.Account
	leaf  *server.Account // nil without a hub
}

// roleAccount returns the name of a role's account, as logs show it.
func roleAccount(role string) string { return "ROLE-" + role }

// newAccounts returns the accounts for the options of a server, which does not know them yet.
func newAccounts(settings *settings) (all []*server.Account) {
	all = append(all, server.NewAccount(busAccount))
	for name := range settings.roles {
		all = append(all, server.NewAccount(roleAccount(name)))
	}
	if settings.leaf != nil {
		all = append(all, server.NewAccount(leafAccount))
	}
	return all
}

// joined reports whether the server is a leaf node of its hub now. It is never too late to say so: the hub cannot subscribe before.
func (a *accounts) joined() bool { return a.leaf != nil && a.leaf.NumLeafNodes() > 0 }

// connections returns the number of authenticated connections from outside.
func (a *accounts) connections() (n int) {
	for _, account := range a.roles {
		n += account.NumLocalConnections()
	}
	return n
}

// connectAccounts puts the bus of this process between all others: what they publish comes to it alone, and what it publishes goes
// to them. So nothing reaches anybody that it has not seen.
func connectAccounts(s *server.Server, settings *settings) (a accounts, err error) {
	a.roles = make(map[string]*server.Account)
	if a.bus, err = s.LookupAccount(busAccount); err != nil {
		return a, err
	}
	for _, subject := range []string{events, control, between} {
		if err := a.bus.AddStreamExport(subject, nil); err != nil {
			return a, fmt.Errorf("export %s from %s: %w", subject, busAccount, err)
		}
	}
	for name, role := range settings.roles {
		account, err := s.LookupAccount(roleAccount(name))
		if err != nil {
			return a, err
		}
		a.roles[name] = account
		limit(s, account, role)
		if err := connectRole(a.bus, account, name); err != nil {
			return a, fmt.Errorf("account of role %s: %w", name, err)
		}
	}
	if settings.leaf == nil {
		return a, nil
	}
	if a.leaf, err = s.LookupAccount(leafAccount); err != nil {
		return a, err
	}
	if err := connectLeaf(a.bus, a.leaf, settings.leaf); err != nil {
		return a, fmt.Errorf("account of the hub: %w", err)
	}
	return a, nil
}

// limit sets the limits of a role. It has to come first: it removes imports and exports.
func limit(s *server.Server, account *server.Account, role *role) {
	claims := jwt.NewAccountClaims(account.GetName())
	or := func(value int) int64 {
		if value == 0 {
			return jwt.NoLimit
		}
		return int64(value)
	}
	claims.Limits.Conn = or(role.MaxConnections)
	claims.Limits.LeafNodeConn = 0
	claims.Limits.Subs = or(role.MaxSubscriptions)
	claims.Limits.Payload = jwt.NoLimit
	if role.MaxPayload > 0 {
		claims.Limits.Payload = int64(role.MaxPayload + link.BatchOverhead)
	}
	s.UpdateAccountClaims(account, claims)
}

// connectRole connects the account of a role with that of the bus.
func connectRole(bus, account *server.Account, role string) error {
	// What plain clients publish gets another subject, on which none of them listens: otherwise those of one role would hear each other
	// directly.
	for _, subject := range []string{events, control} {
		if err := account.AddMapping(subject, link.PlainPrefix+subject); err != nil {
			return fmt.Errorf("map %s: %w", subject, err)
		}
	}
	up := link.Up + ".>"
	if err := account.AddStreamExport(up, nil); err != nil {
		return fmt.Errorf("export %s: %w", up, err)
	}
	if err := bus.AddStreamImport(account, up, InboundPrefix+"."+role); err != nil {
		return fmt.Errorf("import %s: %w", up, err)
	}
	// Only what the bus answers to this role's clients goes to this role's inboxes.
	inbox := link.InboxPrefix(role) + ".>"
	if err := bus.AddStreamExport(inbox, []*server.Account{account}); err != nil {
		return fmt.Errorf("export %s: %w", inbox, err)
	}
	for _, subject := range []string{events, control, between, inbox} {
		if err := account.AddStreamImport(bus, subject, ""); err != nil {
			return fmt.Errorf("import %s: %w", subject, err)
		}
	}
	// A bus does not know its role, so its answers come to it on the subject that it has asked for.
	replies := link.RoleReplies(role) + ">"
	if err := account.AddMappedStreamImport(bus, replies, link.ReplyPrefix+">"); err != nil {
		return fmt.Errorf("import %s: %w", replies, err)
	}
	return nil
}
