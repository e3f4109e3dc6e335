package embed

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/subjects"
)

// The roles that every server has, beside one for the collector of each domain: process, network, filesystem and performance.
const (
	// Agent publishes control topics and reads everything.
	Agent = "agent"
	// Observer reads events and health, and publishes nothing. It is what people should be.
	Observer = "observer"
	// Collector is the collectors of all domains in one process.
	Collector = "collector"
	// Trusted publishes and reads every topic, under any source: a process that is trusted as much as the server's own. No
	// credential is made for it unless somebody asks for one.
	Trusted = "trusted"
)

// Role is what a client may do. Whatever it does not say is refused.
type Role struct {
	// Name is 1 to 64 of a-z, 0-9, _ and -.
	Name string
	// Publish and Subscribe are patterns of topics, as in a subscription: a client may subscribe to what lies within one of them.
	Publish, Subscribe []string
	// Request are patterns of the control topics on which a client may ask (bus.Requester), and Respond those on which a bus may answer.
	Request, Respond []string
	// Sources are the sources under which it may publish, "*" for any. Each of them also covers names that go on after a dash or a
	// dot: process covers process-2. Empty is the role's name. An event without a source is accepted from everybody.
	Sources []string

	// MaxConnections is the number of its clients at a time; 0 leaves it to Options.MaxConnections.
	MaxConnections int
	// MaxSubscriptions is the number of subscriptions of one of its clients; 0 is Options.MaxSubscriptions, which is not exceeded.
	MaxSubscriptions int
	// MaxPayload is the size of the largest event, in bytes; 0 is Options.MaxPayload, which is not exceeded.
	MaxPayload int
	// MaxPending is how much may wait for one of its clients that does not read fast enough, in bytes; beyond that it is disconnected
	// within a second or so. 0 is Options.MaxPending, which is not exceeded, and enforced at once.
	MaxPending int64
}

// Roles returns the roles that every server has.
func Roles() []Role {
	roles := []Role{
		{Name: Agent, Publish: []string{"control.#"}, Subscribe: []string{"#"}, Request: []string{"control.#"}, Respond: answered(), MaxConnections: 64},
		{Name: Observer, Subscribe: []string{"events.#", "control.health.#"}, Request: []string{"control.health.#"}, MaxConnections: 64, MaxSubscriptions: 3000, MaxPending: 32 << 20},
		{Name: Trusted, Publish: []string{"#"}, Subscribe: []string{"#"}, Request: []string{"control.#"}, Respond: []string{"control.#"}, Sources: []string{"*"}},
	}
	all := Role{Name: Collector, Sources: []string{Collector}, Respond: answered(), MaxConnections: 64}
	for _, domain := range domains() {
		role := collectorRole(domain)
		roles = append(roles, role)
		all.Sources = append(all.Sources, domain)
		all.Publish, all.Subscribe = append(all.Publish, role.Publish...), append(all.Subscribe, role.Subscribe...)
	}
	all.Publish, all.Subscribe = unique(all.Publish), unique(all.Subscribe)
	return append(roles, all)
}

// collectorRole is the role of a domain's collector: what the hierarchy of topics says that it publishes, and the orders that
// concern it.
func collectorRole(domain string) Role {
	role := Role{Name: domain, Respond: answered(), MaxConnections: 16, MaxSubscriptions: 3000, MaxPending: 16 << 20}
	for _, entry := range subjects.Hierarchy() {
		pattern := entry.Pattern.String()
		switch {
		case entry.Publisher == subjects.ByCollector && entry.Collector == domain:
			role.Publish = append(role.Publish, pattern)
		case entry.Publisher == subjects.ByComponent:
			role.Publish = append(role.Publish, pattern)
		case entry.Publisher == subjects.ByAgent:
			// What addresses one collector has its name where the pattern has its first wildcard.
			role.Subscribe = append(role.Subscribe, strings.Replace(pattern, "+", domain, 1))
		}
	}
	role.Subscribe = append(role.Subscribe, subjects.ControlTriggerRequest)
	return role
}

// answered are the topics on which a program says how it is and how it is configured. Who may ask is another matter.
func answered() []string {
	return []string{subjects.ControlHealthStatus + ".#", subjects.ControlHealthDiagnostics + ".#", subjects.ControlCollectorConfig + ".#"}
}

// domains returns the names of the collectors in the hierarchy of topics.
func domains() (names []string) {
	for _, entry := range subjects.Hierarchy() {
		if entry.Collector != "" {
			names = append(names, entry.Collector)
		}
	}
	return unique(names)
}

// unique returns the names without repetitions.
func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

var roleName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// role is a checked Role.
type role struct {
	Role
	publish, subscribe, request, respond []string // NATS subjects
	publishes, requests                  []subjects.Pattern
}

func (r Role) check() (*role, error) {
	refuse := func(field, value, reason string) (*role, error) {
		return nil, &OptionError{Field: "Roles[" + r.Name + "]." + field, Value: value, Reason: reason}
	}
	if !roleName.MatchString(r.Name) {
		return refuse("Name", r.Name, "must be 1 to 64 of a-z, 0-9, _ and -")
	}
	for _, limit := range []struct {
		field string
		value int64
	}{{"MaxConnections", int64(r.MaxConnections)}, {"MaxSubscriptions", int64(r.MaxSubscriptions)}, {"MaxPayload", int64(r.MaxPayload)}, {"MaxPending", r.MaxPending}} {
		if limit.value < 0 {
			return refuse(limit.field, strconv.FormatInt(limit.value, 10), "must not be negative")
		}
	}
	checked := &role{Role: r}
	for _, list := range []struct {
		field    string
		patterns []string
		into     *[]string
		parsed   *[]subjects.Pattern
	}{
		{"Publish", r.Publish, &checked.publish, &checked.publishes}, {"Subscribe", r.Subscribe, &checked.subscribe, nil},
		{"Request", r.Request, &checked.request, &checked.requests}, {"Respond", r.Respond, &checked.respond, nil},
	} {
		for _, text := range list.patterns {
			pattern, err := subjects.ParsePattern(text)
			if err != nil {
				return refuse(list.field, text, err.Error())
			}
			*list.into = append(*list.into, pattern.Subjects()...)
			if list.parsed != nil {
				*list.parsed = append(*list.parsed, pattern)
			}
		}
	}
	if len(r.Sources) == 0 {
		checked.Sources = []string{r.Name}
	}
	return checked, nil
}

// speaksFor reports whether a client of the role may publish under that source.
func (r *role) speaksFor(source string) bool {
	if source == "" {
		return true
	}
	for _, name := range r.Sources {
		rest, ok := strings.CutPrefix(source, name)
		if name == "*" || ok && (rest == "" || rest[0] == '-' || rest[0] == '.') {
			return true
		}
	}
	return false
}

// matches reports whether one of the patterns matches the topic.
func matches(patterns []subjects.Pattern, topic string) bool {
	return slices.ContainsFunc(patterns, func(p subjects.Pattern) bool { return p.Match(topic) })
}

// inbox is the prefix of the subjects on which a client of the role gets replies: those of other roles are not its business.
func (r *role) inbox() string { return link.InboxPrefix(r.Name) }

// permissions returns what a plain client of the role may do. They are lists of what is allowed: deny lists of NATS have had holes.
func (r *role) permissions() *server.Permissions {
	// The server looks at what its mapping has made of a subject. A request has the subject of an event; the bus tells them apart.
	var publish []string
	for _, subject := range unique(slices.Concat(r.publish, r.request)) {
		publish = append(publish, link.PlainPrefix+subject)
	}
	// Between inboxes of one role nothing is kept apart: "nats server check connection" wants to hear itself there.
	publish = append(publish, r.inbox()+".>")
	return allow(publish, append(inGroups(r.subscribe, r.Name, r.Name+".>"), r.inbox()+".>"))
}

// inGroups returns the permissions to subscribe to the subjects, alone or in queue groups of certain names. Groups are the server's and not
// a role's: in one of any name, clients of one role would take the messages of another's.
func inGroups(subjects []string, groups ...string) (permissions []string) {
	for _, subject := range subjects {
		permissions = append(permissions, subject)
		for _, group := range groups {
			permissions = append(permissions, subject+" "+group)
		}
	}
	return permissions
}

// busPermissions returns what a bus of the role may do, under its publisher ID and no other.
func (r *role) busPermissions(publisher uuid.UUID) *server.Permissions {
	up := link.BusPrefix + publisher.String() + "."
	publish := []string{up + link.Domain + ".sequences", up + link.Domain + ".ask", up + link.Domain + ".answer.*"}
	for _, subject := range r.publish {
		publish = append(publish, up+link.BatchPrefix+subject)
	}
	for _, subject := range r.request {
		publish = append(publish, up+link.RequestPrefix+subject)
	}
	if len(r.respond) > 0 {
		publish = append(publish, up+link.ReplyPrefix+"*")
	}
	subscribe := []string{r.inbox() + ".>", link.ReplyPrefix + publisher.String() + ".*", link.Domain + ".sequences", link.Domain + ".ask", fmt.Sprintf("%s.answer.%s", link.Domain, publisher)}
	var batches []string
	for _, subject := range r.subscribe {
		batches = append(batches, link.BatchPrefix+subject)
	}
	subscribe = append(subscribe, inGroups(batches, link.GroupPrefix+"*")...)
	for _, subject := range r.respond {
		subscribe = append(subscribe, link.RequestPrefix+subject)
	}
	return allow(publish, subscribe)
}

// allow makes permissions of lists. An empty list of NATS allows everything, so one with nothing in it gets a subject that nobody uses.
func allow(publish, subscribe []string) *server.Permissions {
	permission := func(allowed []string) *server.SubjectPermission {
		if len(allowed) == 0 {
			allowed = []string{"nothing"}
		}
		return &server.SubjectPermission{Allow: allowed}
	}
	return &server.Permissions{Publish: permission(publish), Subscribe: permission(subscribe)}
}
