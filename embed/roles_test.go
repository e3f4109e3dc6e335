package embed_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
)

// groups are topics of every kind, one of each.
var groups = []string{
	"events.process.lifecycle", "events.process.anomaly", "events.network.connections", "events.network.anomaly",
	"events.filesystem.operations", "events.filesystem.anomaly", "events.performance.utilization", "events.performance.anomaly",
	"events.custom.kind",
	"control.collector.lifecycle", "control.collector.lifecycle.process", "control.collector.lifecycle.network",
	"control.collector.config", "control.collector.config.filesystem", "control.collector.config.performance",
	"control.collector.task", "control.collector.task.process.t1", "control.collector.task.network.t1", "control.collector.registration",
	"control.agent.orchestration", "control.agent.policy", "control.shutdown", "control.shutdown.process", "control.shutdown.network",
	"control.trigger.request", "control.health.heartbeat", "control.health.heartbeat.c1", "control.health.status", "control.health.diagnostics",
	"control.custom.kind",
}

// rights are what each role is meant to do, as prefixes and whole topics of groups.
var rights = map[string]struct{ publish, subscribe, request, respond []string }{
	embed.Trusted: {
		publish: []string{"events.", "control."}, subscribe: []string{"events.", "control."}, request: []string{"control."}, respond: []string{"control."},
	},
	embed.Agent: {
		publish: []string{"control."}, subscribe: []string{"events.", "control."}, request: []string{"control."}, respond: answers,
	},
	embed.Observer: {subscribe: []string{"events.", "control.health."}, request: []string{"control.health."}},
	"process":      collectorRights("process"),
	"network":      collectorRights("network"),
	"filesystem":   collectorRights("filesystem"),
	"performance":  collectorRights("performance"),
	embed.Collector: {
		publish: []string{"events.process.", "events.network.", "events.filesystem.", "events.performance.", "control.collector.registration", "control.trigger.request", "control.health."},
		subscribe: []string{
			"control.collector.lifecycle", "control.collector.config", "control.collector.task", "control.agent.", "control.shutdown", "control.trigger.request",
		},
		respond: answers,
	},
}

// answers are the topics on which collectors and agents say how they are.
var answers = []string{"control.health.status", "control.health.diagnostics", "control.collector.config"}

func collectorRights(domain string) struct{ publish, subscribe, request, respond []string } {
	return struct{ publish, subscribe, request, respond []string }{
		respond: answers,
		publish: []string{"events." + domain + ".", "control.collector.registration", "control.trigger.request", "control.health."},
		subscribe: []string{
			"=control.collector.lifecycle", "control.collector.lifecycle." + domain, "=control.collector.config", "control.collector.config." + domain,
			"=control.collector.task", "control.collector.task." + domain + ".", "control.agent.", "=control.shutdown", "control.shutdown." + domain,
			"control.trigger.request",
		},
	}
}

func has(rights []string, topic string) bool {
	return slices.ContainsFunc(rights, func(r string) bool {
		if whole, ok := strings.CutPrefix(r, "="); ok {
			return topic == whole
		}
		return strings.HasPrefix(topic, r)
	})
}

// client is a connection that notes what the server refuses it.
type client struct {
	*nats.Conn
	errs chan error
}

func connectAs(t *testing.T, server *embed.Server, options ...nats.Option) client {
	errs := make(chan error, 64)
	return client{connectSocket(t, server, append(options, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))...), errs}
}

// allowed reports whether what was done last was allowed: with the answer to a ping, the server's complaint is there too.
func (c client) allowed(t *testing.T) bool {
	t.Helper()
	require.NoError(t, c.Flush())
	err := c.LastError()
	if err == nil {
		return true
	}
	require.ErrorIs(t, err, nats.ErrPermissionViolation)
	require.ErrorIs(t, next(t, c.errs), nats.ErrPermissionViolation)
	return false
}

// TestEveryRoleOnEveryTopic tries all roles on topics of every kind, to publish and to subscribe, as a plain client and as a bus. To the
// server a plain client's request is an event; the bus tells them apart, as it is told here.
func TestEveryRoleOnEveryTopic(t *testing.T) {
	for role, want := range rights {
		t.Run(role, func(t *testing.T) {
			server := start(t, &embed.Options{Role: role})
			bus := connectBus(t, server)
			inbound := subscribe(t, bus, "in.>")
			publisher := uuid.New()
			name := nats.Name(link.ConnectionName("b", publisher))
			for _, form := range []struct {
				name, up, down, arrives string
				options                 []nats.Option
			}{
				{name: "plain", arrives: link.PlainPrefix},
				{"bus", link.BusPrefix + publisher.String() + "." + link.BatchPrefix, link.BatchPrefix, link.BusPrefix + publisher.String() + "." + link.BatchPrefix, []nats.Option{name}},
			} {
				for _, topic := range groups {
					c := connectAs(t, server, form.options...)
					require.NoError(t, c.Publish(form.up+topic, []byte("x")))
					allowed := has(want.publish, topic) || form.name == "plain" && has(want.request, topic)
					require.Equal(t, allowed, c.allowed(t), "%s publishes %s as %s", role, topic, form.name)
					require.Equal(t, has(want.publish, topic), server.Publishes(role, topic), "%s publishes %s", role, topic)
					require.Equal(t, has(want.request, topic), server.Requests(role, topic), "%s asks on %s", role, topic)
					if allowed {
						requireNext(t, inbound, "in."+role+"."+form.arrives+topic, "x")
					}
					c.Close()
					c = connectAs(t, server, form.options...)
					_, err := c.SubscribeSync(form.down + topic)
					require.NoError(t, err)
					require.Equal(t, has(want.subscribe, topic), c.allowed(t), "%s subscribes to %s as %s", role, topic, form.name)
					c.Close()
				}
			}
			for _, topic := range groups {
				c := connectAs(t, server, name)
				require.NoError(t, c.PublishRequest(link.BusPrefix+publisher.String()+"."+link.RequestPrefix+topic, "to", []byte("x")))
				require.Equal(t, has(want.request, topic), c.allowed(t), "%s asks on %s as a bus", role, topic)
				if has(want.request, topic) {
					msg, err := inbound.NextMsg(patience)
					require.NoError(t, err)
					require.Equal(t, "in."+role+"."+link.BusPrefix+publisher.String()+"."+link.RequestPrefix+topic, msg.Subject)
					require.Equal(t, "to", msg.Reply)
				}
				c.Close()
				c = connectAs(t, server, name)
				_, err := c.SubscribeSync(link.RequestPrefix + topic)
				require.NoError(t, err)
				require.Equal(t, has(want.respond, topic), c.allowed(t), "%s answers on %s", role, topic)
				c.Close()
			}
			c := connectAs(t, server, name)
			require.NoError(t, c.Publish(link.BusPrefix+publisher.String()+"."+link.ReplyPrefix+"token", []byte("x")))
			require.Equal(t, len(want.respond) > 0, c.allowed(t), "%s answers", role)
			if len(want.respond) > 0 {
				requireNext(t, inbound, "in."+role+"."+link.BusPrefix+publisher.String()+"."+link.ReplyPrefix+"token", "x")
			}
			requireNothing(t, inbound)
		})
	}
}

// TestWhatNoRoleMay is what is nobody's business.
func TestWhatNoRoleMay(t *testing.T) {
	server := start(t, nil) // even Trusted
	own, another := uuid.New(), uuid.New()
	for name, options := range map[string][]nats.Option{"plain": nil, "bus": {nats.Name(link.ConnectionName("b", own))}} {
		for _, subject := range []string{
			"foo", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$JS.API.INFO", "in.trusted.up.plain.events.process.lifecycle", "event.x", "eventbus.sequences",
			"eventbus.ask", "eventbus.batch.events.process.lifecycle", "eventbus.request.control.health.status", "eventbus.reply.x", "_INBOX.x", "_INBOX_agent.x", "clients.events.x",
			link.BusPrefix + another.String() + ".eventbus.batch.events.process.lifecycle", link.BusPrefix + another.String() + ".eventbus.ask",
			link.BusPrefix + another.String() + ".eventbus.request.control.health.status", link.BusPrefix + another.String() + ".eventbus.reply.x",
			link.BusPrefix + own.String() + ".foo", link.BusPrefix + own.String() + ".eventbus.batch.$SYS.x", link.PlainPrefix + "foo",
		} {
			c := connectAs(t, server, options...)
			require.NoError(t, c.Publish(subject, nil))
			require.False(t, c.allowed(t), "%s publishes %s", name, subject)
			c.Close()
		}
		for _, subject := range []string{
			"foo", ">", "*", "$SYS.>", "in.>", "up.>", "*.process.>", "*.*", "_INBOX.>", "_INBOX_agent.>", "_INBOX_*.>", "eventbus.>", "eventbus.answer.*", "eventbus.reply.>", "eventbus.request.>", "eventbus.reply." + another.String() + ".*",
			"eventbus.answer." + another.String(), link.BusPrefix + own.String() + ".>",
		} {
			c := connectAs(t, server, options...)
			_, err := c.SubscribeSync(subject)
			require.NoError(t, err)
			require.False(t, c.allowed(t), "%s subscribes to %s", name, subject)
			c.Close()
		}
	}
}

// TestWildcardsWithinARole: a subscription has to lie within what the role may read.
func TestWildcardsWithinARole(t *testing.T) {
	server := start(t, &embed.Options{Role: embed.Observer})
	for subject, want := range map[string]bool{
		"events.>": true, "events.process.*": true, "events.*.anomaly": true, "control.health.>": true,
		"control.>": false, "*.>": false, "control.*.status": false, ">": false,
	} {
		c := connectAs(t, server)
		_, err := c.SubscribeSync(subject)
		require.NoError(t, err)
		require.Equal(t, want, c.allowed(t), subject)
	}
}

// TestInboxesAreTheRolesOwn: what the bus replies comes below a prefix that no other role may listen on, and nobody else may send there.
func TestInboxesAreTheRolesOwn(t *testing.T) {
	for _, role := range []string{embed.Agent, embed.Observer} {
		server := start(t, &embed.Options{Role: role})
		bus := connectBus(t, server)
		c := connectAs(t, server, nats.CustomInboxPrefix("_INBOX_"+role))
		inbox := c.NewRespInbox()
		s, err := c.SubscribeSync(inbox)
		require.NoError(t, err)
		require.NoError(t, c.Publish(inbox, []byte("from a client of the role")))
		require.True(t, c.allowed(t))
		requireNext(t, s, inbox, "from a client of the role")
		require.NoError(t, bus.Publish(inbox, []byte("from the bus")))
		requireNext(t, s, inbox, "from the bus")
		require.NoError(t, c.Publish("_INBOX_"+embed.Collector+".x", nil))
		require.False(t, c.allowed(t))
	}
}

func TestSources(t *testing.T) {
	server := start(t, &embed.Options{Roles: []embed.Role{{Name: "edr", Publish: []string{"events.process.#"}, Sources: []string{"edr", "sensor"}}}})
	for _, c := range []struct {
		role, source string
		want         bool
	}{
		{"process", "", true}, {"process", "process", true}, {"process", "process-2", true}, {"process", "process.host", true},
		{"process", "processes", false}, {"process", "network", false}, {"process", "agent", false},
		{embed.Collector, "network", true}, {embed.Collector, "collector", true}, {embed.Collector, "agent", false},
		{embed.Agent, "agent", true}, {embed.Agent, "process", false},
		{"edr", "sensor-1", true}, {"edr", "edr", true}, {"edr", "process", false},
		{embed.Trusted, "whoever", true}, {"nobody", "", false},
	} {
		require.Equal(t, c.want, server.Speaks(c.role, c.source), "%+v", c)
	}
}

func TestInvalidRoles(t *testing.T) {
	for field, options := range map[string]*embed.Options{
		"Role":                      {Role: "nobody"},
		"Users[4711]":               {Users: map[int]string{4711: "nobody"}},
		"Users[-1]":                 {Users: map[int]string{-1: embed.Observer}},
		"Roles[A b].Name":           {Roles: []embed.Role{{Name: "A b"}}},
		"Roles[].Name":              {Roles: []embed.Role{{}}},
		"Roles[x].Publish":          {Roles: []embed.Role{{Name: "x", Publish: []string{"events..x"}}}},
		"Roles[x].Subscribe":        {Roles: []embed.Role{{Name: "x", Subscribe: []string{"$SYS.>"}}}},
		"Roles[x].Request":          {Roles: []embed.Role{{Name: "x", Request: []string{"control..x"}}}},
		"Roles[x].Respond":          {Roles: []embed.Role{{Name: "x", Respond: []string{"$SYS.>"}}}},
		"Roles[x].MaxConnections":   {Roles: []embed.Role{{Name: "x", MaxConnections: -1}}},
		"Roles[x].MaxSubscriptions": {Roles: []embed.Role{{Name: "x", MaxSubscriptions: -1}}},
		"Roles[x].MaxPending":       {Roles: []embed.Role{{Name: "x", MaxPending: -1}}},
		"Roles[x].MaxPayload":       {Roles: []embed.Role{{Name: "x", MaxPayload: -1}}},
	} {
		options.Socket = newSocket(t)
		_, err := embed.Start(t.Context(), options)
		invalid, ok := errors.AsType[*embed.OptionError](err)
		require.True(t, ok, "%s: %v", field, err)
		require.Equal(t, field, invalid.Field)
	}
}

// TestLimitsOfARole are those of its clients, and of nobody else.
func TestLimitsOfARole(t *testing.T) {
	small := embed.Role{Name: "small", Publish: []string{"#"}, Subscribe: []string{"#"}, MaxConnections: 3, MaxSubscriptions: 2, MaxPayload: 1000}
	server := start(t, &embed.Options{Role: "small", Roles: []embed.Role{small}})
	bus := connectBus(t, server)
	raw := rawClient(t, server)
	_, err := fmt.Fprintf(raw, "CONNECT {}\r\nPUB events.process.lifecycle 2000\r\n%s\r\nPING\r\n", strings.Repeat("x", 2000))
	require.NoError(t, err)
	requireRefused(t, raw, "Maximum Payload Violation")
	require.Eventually(t, func() bool { return server.Clients() == 0 }, patience, time.Millisecond)
	c := connectAs(t, server)
	for i := range 3 {
		_, err := c.SubscribeSync(fmt.Sprint("events.x.", i))
		require.NoError(t, err)
	}
	require.ErrorIs(t, next(t, c.errs), nats.ErrMaxSubscriptionsExceeded)

	connectAs(t, server)
	connectAs(t, server)
	for range 20 { // a flood
		_, err := connect(t, "", nats.InProcessServer(dialer(server.Socket())))
		require.Error(t, err)
	}
	require.NoError(t, bus.Flush(), "the bus of this process does not notice")
	require.Equal(t, 3, server.Clients())
	c.Close()
	require.Eventually(t, func() bool {
		_, err := connect(t, "", nats.InProcessServer(dialer(server.Socket())))
		return err == nil
	}, patience, 5*time.Millisecond, "a place is free again")
}

// TestWhatWaitsForARoleIsBounded disconnects a client that does not read what its role gets, and not one of another role.
func TestWhatWaitsForARoleIsBounded(t *testing.T) {
	small := embed.Role{Name: "small", Subscribe: []string{"#"}, MaxPending: 1 << 20}
	server := start(t, &embed.Options{Role: "small", Roles: []embed.Role{small}, Shared: true})
	bus := connectBus(t, server)
	stuckClient(t, "unix", server.Socket(), server.Token())
	seed, err := nats.NkeyOptionFromSeed(filepath.Join(server.Credentials(), embed.Trusted+".nk"))
	require.NoError(t, err)
	other, err := connect(t, "", nats.InProcessServer(dialer(server.Socket())), seed)
	require.NoError(t, err)
	all := subscribe(t, other, "events.>")
	require.NoError(t, all.SetPendingLimits(-1, -1))
	require.Eventually(t, func() bool { return server.Clients() == 2 && server.Interest(topic) > 0 }, patience, time.Millisecond)
	payload := make([]byte, 100<<10)
	for range 100 { // ten times as much, and less than Options.MaxPending
		require.NoError(t, bus.Publish(topic, payload))
	}
	require.NoError(t, bus.Flush())
	require.Eventually(t, func() bool { return server.Clients() == 1 }, patience, time.Millisecond)
	require.NoError(t, other.Flush(), "the other one is still there")
}

// TestAnOversizedPayloadEndsItsSender alone.
func TestAnOversizedPayloadEndsItsSender(t *testing.T) {
	server := start(t, &embed.Options{MaxPayload: 1000})
	other := connectAs(t, server)
	conn := rawClient(t, server)
	_, err := fmt.Fprintf(conn, "CONNECT {}\r\nPUB events.process.lifecycle 5000\r\n%s\r\nPING\r\n", strings.Repeat("x", 5000))
	require.NoError(t, err)
	requireRefused(t, conn, "Maximum Payload Violation")
	require.NoError(t, other.Flush())
}
