package natsbus_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/natsbus"
)

// posing is a client of a role that says it is the bus with another one's publisher ID, which is no secret: every event has it.
func posing(t testing.TB, server *embed.Server, role string, as *natsbus.Bus) *nats.Conn {
	return plainAs(t, server, role, nats.Name(link.ConnectionName("posing", natsbus.Publisher(as))))
}

// pendingAfter returns how many messages a subscription has when its connection has taken all that the server had for it.
func pendingAfter(t testing.TB, nc *nats.Conn, s *nats.Subscription) int {
	t.Helper()
	require.NoError(t, nc.Flush())
	n, _, err := s.Pending()
	require.NoError(t, err)
	return n
}

// TestAnAnswerReachesNoOtherRole whatever publisher ID its clients connect with: an observer may not see a configuration that an agent has
// asked for.
func TestAnAnswerReachesNoOtherRole(t *testing.T) {
	server := startListening(t)
	inside, agent := closing(t)(natsbus.InProcess(background(t), server, nil)), attachAs(t, server, embed.Agent)
	respond(t, inside, configTopic, "inside")
	observer := posing(t, server, embed.Observer, agent)
	stolen, err := observer.SubscribeSync(link.ReplyPrefix + natsbus.Publisher(agent).String() + ".*")
	require.NoError(t, err)
	inboxes, err := observer.SubscribeSync(link.InboxPrefix(embed.Observer) + ".>")
	require.NoError(t, err)
	require.NoError(t, observer.Flush())
	require.NoError(t, observer.LastError())

	answer, err := bus.Ask(background(t), agent, configTopic, nil)
	require.NoError(t, err)
	require.Equal(t, "inside to agent: ", string(answer))
	require.Zero(t, pendingAfter(t, observer, stolen))
	require.Zero(t, pendingAfter(t, observer, inboxes))
}

// TestNobodyTakesWhatIsForAnotherBus by joining its queue group, of which the server gives each message to one member.
func TestNobodyTakesWhatIsForAnotherBus(t *testing.T) {
	server := startListening(t)
	inside, agent := closing(t)(natsbus.InProcess(background(t), server, nil)), attachAs(t, server, embed.Agent)
	r := subscribe(t, agent, "s", "events.#")
	thief := posing(t, server, embed.Observer, agent)
	for _, group := range []string{"bus-" + natsbus.Publisher(agent).String(), "bus." + natsbus.Publisher(agent).String(), "bus.*", "bus.>", ">", "*"} {
		_, err := thief.QueueSubscribeSync(link.BatchPrefix+"events.>", group)
		require.NoError(t, err)
	}
	require.NoError(t, thief.Flush())
	publishBurst(t, inside)
	requireBurst(t, r)
	requireNothingElse(t, inside, agent)
}

// TestQueueGroupsAreOfOneRole: clients of a role share what comes among themselves, and take nothing from those of another.
func TestQueueGroupsAreOfOneRole(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	group := func(role, name string) (*nats.Conn, *nats.Subscription) {
		nc := plainAs(t, server, role)
		s, err := nc.QueueSubscribeSync("events.>", name)
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		return nc, s
	}
	one, atOne := group(embed.Agent, "agent.workers")
	two, atTwo := group(embed.Agent, "agent.workers")
	whole, atWhole := group(embed.Agent, "agent")
	require.NoError(t, whole.LastError())
	for _, name := range []string{"agent.workers", "agent", "workers", "agent.*", "agent.>", ">", "observers.workers"} {
		other, _ := group(embed.Observer, name)
		require.ErrorIs(t, other.LastError(), nats.ErrPermissionViolation, name)
	}
	own, atOwn := group(embed.Observer, "observer.workers")
	require.NoError(t, own.LastError())

	const events = 200
	for pid := range uint32(events) {
		require.NoError(t, inside.Publish(background(t), process(pid)))
	}
	require.NoError(t, inside.Flush(background(t)))
	require.Equal(t, events, pendingAfter(t, one, atOne)+pendingAfter(t, two, atTwo))
	require.Equal(t, events, pendingAfter(t, whole, atWhole))
	require.Equal(t, events, pendingAfter(t, own, atOwn))
}

// TestNobodySaysThatNobodyAnswers but the server's bus: who asks would not wait for the others.
func TestNobodySaysThatNobodyAnswers(t *testing.T) {
	server := startListening(t)
	inside, agent := closing(t)(natsbus.InProcess(background(t), server, nil)), attachAs(t, server, embed.Agent)
	publisher := uuid.New()
	rogue := plainAs(t, server, embed.Collector, nats.Name(link.ConnectionName("rogue", publisher)))
	denied := make(chan error, 8)
	_, err := rogue.Subscribe(link.RequestPrefix+statusTopic, func(msg *nats.Msg) {
		no := nats.NewMsg(link.BusPrefix + publisher.String() + "." + msg.Reply)
		no.Header.Set("Status", "503")
		denied <- errors.Join(rogue.PublishMsg(no), rogue.Flush())
	})
	require.NoError(t, err)
	require.NoError(t, rogue.Flush())
	_, err = attachAs(t, server, "process").Respond(background(t), statusTopic, func(context.Context, bus.Request) ([]byte, error) {
		return []byte("honest"), <-denied
	})
	require.NoError(t, err)
	for name, asker := range map[string]*natsbus.Bus{"in the process": inside, "a bus": agent} {
		answer, err := bus.Ask(background(t), asker, statusTopic, nil)
		require.NoError(t, err, name)
		require.Equal(t, "honest", string(answer), name)
	}
	msg, err := plainAs(t, server, embed.Observer).Request(statusTopic, nil, patience)
	require.NoError(t, err)
	require.Equal(t, "honest", string(msg.Data))
}

// TestALongReplySubjectEndsNobodysConnection: with the role before it, it could be longer than the server lets a line be, which is the end of
// the connection that sends it, and that is the server's own bus's.
func TestALongReplySubjectEndsNobodysConnection(t *testing.T) {
	role := embed.Role{Name: strings.Repeat("r", 64), Request: []string{"control.#"}}
	server := startServerWith(t, &embed.Options{Role: role.Name, Roles: []embed.Role{role}})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	_, err := inside.Respond(background(t), "control.x", func(context.Context, bus.Request) ([]byte, error) {
		return nil, &bus.RequestError{Code: bus.CodeBadRequest, Reason: strings.Repeat("no", 300)}
	})
	require.NoError(t, err)
	publisher := uuid.New()
	nc := raw(t, server, publisher)
	subject, reply := link.BusPrefix+publisher.String()+"."+link.RequestPrefix+"control.x", link.ReplyPrefix+publisher.String()+"."
	const line = 4096
	long := reply + strings.Repeat("x", line-len("PUB "+subject+" "+reply+" 0"))
	require.NoError(t, nc.PublishRequest(subject, long, nil))
	require.NoError(t, nc.Flush())
	_, err = bus.Ask(background(t), attach(t, server), "control.x", nil) // when that is answered, the other is over
	require.ErrorContains(t, err, "nono")
	require.NoError(t, inside.Flush(background(t)))
	require.Zero(t, inside.Statistics().Reconnects)
	require.EqualValues(t, 1, inside.Statistics().Forged)
}
