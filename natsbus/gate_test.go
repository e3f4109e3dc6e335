package natsbus_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/natsbus"
)

// burst is how many events the tests publish at once. It makes many batches.
const burst = 5000

func publishBurst(t testing.TB, b bus.Bus) {
	for pid := range uint32(burst) {
		require.NoError(t, b.Publish(background(t), process(pid)))
	}
	require.NoError(t, b.Flush(background(t)))
}

// requireBurst reads a burst: each event once, in order.
func requireBurst(t testing.TB, r bus.Receiver) {
	t.Helper()
	for pid := range uint32(burst) {
		require.Equal(t, pid, nextPID(t, r))
	}
}

// plainSubscription is a plain client's, which keeps all that comes.
func plainSubscription(t testing.TB, server *embed.Server, subject string) *nats.Subscription {
	nc := plain(t, server)
	s, err := nc.SubscribeSync(subject)
	require.NoError(t, err)
	require.NoError(t, s.SetPendingLimits(-1, -1))
	require.NoError(t, nc.Flush())
	return s
}

// requirePlainBurst reads a burst from a plain client: single events, each once, in order.
func requirePlainBurst(t testing.TB, s *nats.Subscription, before uint64) {
	t.Helper()
	for n := range uint64(burst) {
		msg, err := s.NextMsg(patience)
		require.NoError(t, err, "after %d events", n)
		require.Equal(t, "events.process.lifecycle", msg.Subject)
		var event bus.Event
		_, err = event.UnmarshalMsg(msg.Data)
		require.NoError(t, err)
		require.Equal(t, before+n+1, event.Sequence)
	}
}

func attach(t testing.TB, server *embed.Server) *natsbus.Bus {
	return closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
}

func requireNothingElse(t testing.TB, buses ...*natsbus.Bus) {
	t.Helper()
	for _, b := range buses {
		s := b.Statistics()
		require.Zero(t, s.Stale, "nothing came twice")
		require.Zero(t, s.Malformed)
		require.Zero(t, s.Forged)
		require.Zero(t, s.Lost)
		require.Zero(t, s.Unsent)
	}
}

// TestEverybodyGetsTheFormItUnderstands publishes in the server's process and in another one, to a bus in each and to a plain client.
func TestEverybodyGetsTheFormItUnderstands(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	one, two := attach(t, server), attach(t, server)
	atInside, atTwo, atPlain := subscribe(t, inside, "s", "events.process.+"), subscribe(t, two, "s", "events.#"), plainSubscription(t, server, "events.process.*")
	for _, publisher := range []*natsbus.Bus{inside, one} {
		publishBurst(t, publisher)
		requireBurst(t, atInside)
		requireBurst(t, atTwo)
		requirePlainBurst(t, atPlain, 0)
		requireNothingElse(t, inside, one, two)
	}
	n, _, err := atPlain.Pending()
	require.NoError(t, err)
	require.Zero(t, n, "single events only, and each once")
}

// TestPlainClientsReachEveryBus publishes by a plain client, to a bus in the server's process and in another one.
func TestPlainClientsReachEveryBus(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	other := attach(t, server)
	atInside, atOther, nc := subscribe(t, inside, "s", "events.process.+"), subscribe(t, other, "s", "events.process.+"), plain(t, server)
	for pid := range burst {
		require.NoError(t, nc.Publish("events.process.tree", wellFormed(t, func(e map[string]any) { e["payload"].(map[string]any)["pid"] = pid })))
	}
	requireBurst(t, atInside)
	requireBurst(t, atOther)
	requireNothingElse(t, inside, other)
}

// TestMixedTopicsStayInOrder publishes to several topics in turn, of which other buses want some.
func TestMixedTopicsStayInOrder(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	other := attach(t, server)
	for name, pair := range map[string][2]*natsbus.Bus{"out": {inside, other}, "in": {other, inside}} {
		r := subscribe(t, pair[1], name, "events.process.tree", "events.process.lifecycle")
		for i := range uint32(burst) {
			event := process(i)
			event.Topic = []string{"events.process.tree", "events.process.metadata", "events.process.lifecycle"}[i%3]
			require.NoError(t, pair[0].Publish(background(t), event))
		}
		for i := range uint32(burst) {
			if i%3 != 1 {
				require.Equal(t, i, nextPID(t, r), name)
			}
		}
	}
	requireNothingElse(t, inside, other)
}

// TestTheLargestEvent is the largest that the buses take, from everywhere to everywhere.
func TestTheLargestEvent(t *testing.T) {
	const limit = 8 << 10
	server, err := embed.Start(background(t), &embed.Options{NoSocket: true, Listen: "127.0.0.1:0", Socket: t.TempDir() + "/run/s", MaxPayload: limit, Role: embed.Trusted})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	options := &natsbus.Options{Bus: bus.Options{MaxEventSize: limit}}
	inside := closing(t)(natsbus.InProcess(background(t), server, options))
	other := closing(t)(natsbus.Connect(background(t), tokenURL(server), options))
	event := process(1)
	event.Topic, event.Correlation = "events.process.lifecycle", bus.Correlation{ID: "c", RootID: "c"}
	payload := event.Payload.(*bus.ProcessEvent)
	for event.Msgsize() < limit {
		payload.Name += "n"
	}
	for name, pair := range map[string][2]*natsbus.Bus{"out": {inside, other}, "in": {other, inside}} {
		r, atPlain := subscribe(t, pair[1], name, "events.#"), plainSubscription(t, server, "events.>")
		require.NoError(t, pair[0].Publish(background(t), event), name)
		require.Equal(t, uint32(1), nextPID(t, r), name)
		_, err := atPlain.NextMsg(patience)
		require.NoError(t, err, name)
		tooLarge := event
		tooLarge.Source = "s"
		require.ErrorIs(t, pair[0].Publish(background(t), tooLarge), bus.ErrTooLarge)
	}
	requireNothingElse(t, inside, other)
}

// raw is a client that says it is the bus with that publisher ID, and writes what it likes.
func raw(t testing.TB, server *embed.Server, publisher uuid.UUID, options ...nats.Option) *nats.Conn {
	nc, err := nats.Connect(tokenURL(server), append(options, nats.Name(link.ConnectionName("raw", publisher)))...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// TestGarbageInABatch checks that what is malformed in a batch takes nothing else with it, and reaches nobody.
func TestGarbageInABatch(t *testing.T) {
	server := startServer(t)
	b := closing(t)(natsbus.InProcess(background(t), server, nil))
	other := attach(t, server)
	publisher := uuid.New()
	nc, up := raw(t, server, publisher), link.BusPrefix+publisher.String()+"."
	here, there, atPlain := subscribe(t, b, "s", "#"), subscribe(t, other, "s", "#"), plainSubscription(t, server, "events.>")
	pid := func(n int) []byte {
		return wellFormed(t, func(e map[string]any) { e["publisher"], e["payload"].(map[string]any)["pid"] = publisher[:], n })
	}
	anothers := wellFormed(t, func(map[string]any) {})
	message := natsbus.Batches([][]byte{pid(1), []byte("garbage"), nil, anothers, pid(2)})[0]
	for _, subject := range []string{"eventbus.batch.events.process.tree", "eventbus.batch.events.Process"} {
		require.NoError(t, nc.Publish(up+subject, message))
	}
	require.NoError(t, nc.Publish(up+"eventbus.batch.events.process.tree", message[:len(message)-1]))
	require.NoError(t, nc.Publish(up+"eventbus.ask", []byte("garbage")))
	require.NoError(t, nc.Publish(up+"eventbus.batch.events.process.tree", natsbus.Batches([][]byte{pid(3)})[0]))
	for _, want := range []uint32{1, 2, 1, 3} {
		require.Equal(t, want, nextPID(t, here), "here")
		require.Equal(t, want, nextPID(t, there), "in another process")
		msg, err := atPlain.NextMsg(patience)
		require.NoError(t, err)
		var event bus.Event
		_, err = event.UnmarshalMsg(msg.Data)
		require.NoError(t, err)
		require.Equal(t, want, event.Payload.(*bus.ProcessEvent).PID, "at a plain client")
	}
	require.EqualValues(t, 2+1+3+1, b.Statistics().Malformed)
	require.EqualValues(t, 2, b.Statistics().Forged)
	require.Zero(t, other.Statistics().Malformed)
}

// TestWhatPlainClientsLeaveOutIsTheSameForAll has one event without ID and time reach everybody.
func TestWhatPlainClientsLeaveOutIsTheSameForAll(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	other := attach(t, server)
	here, there, atPlain := subscribe(t, inside, "s", "events.#"), subscribe(t, other, "s", "events.#"), plainSubscription(t, server, "events.>")
	require.NoError(t, plain(t, server).Publish("events.process.tree", wellFormed(t, func(e map[string]any) { delete(e, "id"); delete(e, "time") })))
	want, err := here.Next(background(t))
	require.NoError(t, err)
	got, err := there.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, want, got)
	msg, err := atPlain.NextMsg(patience)
	require.NoError(t, err)
	var event bus.Event
	_, err = event.UnmarshalMsg(msg.Data)
	require.NoError(t, err)
	require.Equal(t, *want, event)
}

// TestForgeriesReachNobody has messages in another's name, each from a client that may publish on the subject.
func TestForgeriesReachNobody(t *testing.T) {
	server := startServerWith(t, &embed.Options{
		Role: "some", Roles: []embed.Role{{Name: "some", Publish: []string{"events.#"}, Subscribe: []string{"#"}, Sources: []string{"mine"}}},
	})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	victim := attach(t, server)
	here, there := subscribe(t, inside, "s", "#"), subscribe(t, victim, "s", "#")
	require.NoError(t, victim.Publish(background(t), process(1)))
	real, err := here.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, uint32(1), nextPID(t, there))

	publisher := uuid.New()
	nc, up := raw(t, server, publisher), link.BusPrefix+publisher.String()+"."
	batch := func(edit func(map[string]any)) []byte {
		return natsbus.Batches([][]byte{wellFormed(t, func(e map[string]any) { e["publisher"] = publisher[:]; edit(e) })})[0]
	}
	announcement, err := msgpack.Marshal(map[string]any{"publisher": real.Publisher[:], "age": 1, "topics": map[string]any{real.Topic: 1000}})
	require.NoError(t, err)
	question, err := msgpack.Marshal(map[string]any{"asker": real.Publisher[:], "question": 1})
	require.NoError(t, err)
	for name, forge := range map[string]func() error{
		"another's publisher, by a plain client": func() error {
			return plain(t, server).Publish(real.Topic, wellFormed(t, func(e map[string]any) { e["publisher"], e["sequence"] = real.Publisher[:], 1000 }))
		},
		"the server's own publisher, by a plain client": func() error {
			own := natsbus.Publisher(inside)
			return plain(t, server).Publish(real.Topic, wellFormed(t, func(e map[string]any) { e["publisher"] = own[:] }))
		},
		"another's publisher in a batch": func() error {
			return nc.Publish(up+"eventbus.batch."+real.Topic, batch(func(e map[string]any) { e["publisher"] = real.Publisher[:] }))
		},
		"another's source": func() error {
			return plain(t, server).Publish(real.Topic, wellFormed(t, func(e map[string]any) { e["source"] = "agent" }))
		},
		"another's source, which begins alike": func() error {
			return plain(t, server).Publish(real.Topic, wellFormed(t, func(e map[string]any) { e["source"] = "mineral" }))
		},
		"another's source in a batch": func() error {
			return nc.Publish(up+"eventbus.batch."+real.Topic, batch(func(e map[string]any) { e["source"] = "agent" }))
		},
		"another's announcement": func() error { return nc.Publish(up+"eventbus.sequences", announcement) },
		"another's answer": func() error {
			return nc.Publish(up+"eventbus.answer."+natsbus.Publisher(inside).String(), announcement)
		},
		"another's question": func() error { return nc.Publish(up+"eventbus.ask", question) },
	} {
		t.Run(name, func(t *testing.T) {
			before := inside.Statistics().Forged
			require.NoError(t, forge())
			require.Eventually(t, func() bool { return inside.Statistics().Forged == before+1 }, patience, time.Millisecond)
		})
	}
	// What is one's own is accepted, and comes after all of it.
	require.NoError(t, nc.Publish(up+"eventbus.batch."+real.Topic, batch(func(e map[string]any) { e["source"] = "mine-2" })))
	for _, r := range []bus.Receiver{here, there} {
		require.Equal(t, uint32(7), nextPID(t, r))
		require.Zero(t, r.Statistics().Lost)
	}
	require.NoError(t, victim.Publish(background(t), process(2)))
	require.Equal(t, uint32(2), nextPID(t, here), "the victim's numbers are worth as much as before")
	requireCalm(t, victim)
}

// TestNobodyAnnouncesWhatItMayNotPublish: it would count as lost for who has subscribed to it. An observer, which publishes nothing, answers
// the questions of two buses as if it had published one event, and then says that there were a thousand.
func TestNobodyAnnouncesWhatItMayNotPublish(t *testing.T) {
	const topic = "events.process.tree"
	for role, lost := range map[string]uint64{embed.Observer: 0, "network": 0, "process": 999} {
		t.Run(role, func(t *testing.T) {
			server := startListening(t)
			inside, agent := closing(t)(natsbus.InProcess(background(t), server, nil)), attachAs(t, server, embed.Agent)
			publisher := uuid.New()
			nc := plainAs(t, server, role, nats.Name(link.ConnectionName("raw", publisher)))
			say := func(subject string, more map[string]any, events int) {
				what := map[string]any{"publisher": publisher[:], "age": 1, "topics": map[string]any{topic: events}}
				maps.Copy(what, more)
				data, err := msgpack.Marshal(what)
				require.NoError(t, err)
				require.NoError(t, nc.Publish(link.BusPrefix+publisher.String()+"."+subject, data))
			}
			questions, err := nc.SubscribeSync("eventbus.ask")
			require.NoError(t, err)
			require.NoError(t, nc.Flush())
			here, there := subscribe(t, inside, "s", "events.#"), subscribe(t, agent, "s", "events.#")
			for range 2 { // each of them asks
				msg, err := questions.NextMsg(patience)
				require.NoError(t, err)
				var question struct {
					Asker    []byte `msgpack:"asker"`
					Question uint64 `msgpack:"question"`
				}
				require.NoError(t, msgpack.Unmarshal(msg.Data, &question))
				say("eventbus.answer."+uuid.UUID(question.Asker).String(), map[string]any{"question": question.Question, "known": 1, "last": true}, 1)
			}
			say("eventbus.sequences", nil, 1000)
			if lost == 0 {
				require.Eventually(t, func() bool { return inside.Statistics().Forged >= 3 }, patience, time.Millisecond)
				require.NoError(t, inside.Publish(background(t), process(1))) // comes after whatever was passed on
				require.Equal(t, uint32(1), nextPID(t, there))
				require.Zero(t, here.Statistics().Lost)
				require.Zero(t, there.Statistics().Lost)
				return
			}
			for _, r := range []bus.Receiver{here, there} {
				require.Eventually(t, func() bool { return r.Statistics().Lost >= lost }, patience, time.Millisecond, "its own it may announce")
			}
			require.Zero(t, inside.Statistics().Forged)
		})
	}
}

// TestAFloodOfPublishersUsesUpTheRolesOwnShare and leaves others alone.
func TestAFloodOfPublishersUsesUpTheRolesOwnShare(t *testing.T) {
	server := startServer(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	here, nc := subscribe(t, inside, "s", "#"), plain(t, server)
	for range natsbus.MaxOwned + 10 {
		require.NoError(t, nc.Publish("events.process.tree", wellFormed(t, func(e map[string]any) { id := uuid.New(); e["publisher"] = id[:] })))
	}
	for range natsbus.MaxOwned {
		require.Equal(t, uint32(7), nextPID(t, here))
	}
	require.Eventually(t, func() bool { return inside.Statistics().Forged == 10 }, patience, time.Millisecond)
	require.NoError(t, nc.Publish("events.process.tree", wellFormed(t, func(map[string]any) {})))
	require.Equal(t, uint32(7), nextPID(t, here), "one without a publisher")
}

// TestAFullShareSetsNoIDsOfOthersFree however long they have not been used: its role could then publish under them.
func TestAFullShareSetsNoIDsOfOthersFree(t *testing.T) {
	claim, now, idle, own := natsbus.Owners(), time.Now(), uuid.New(), uuid.New()
	require.Empty(t, claim(idle, "agent", now))
	require.Empty(t, claim(own, "process", now))
	for range natsbus.MaxOwned - 1 {
		require.Empty(t, claim(uuid.New(), "process", now))
	}
	require.Equal(t, "is one too many for role process", claim(uuid.New(), "process", now))
	now = now.Add(natsbus.OwnedFor + time.Second)
	require.Empty(t, claim(uuid.New(), "process", now), "its own are long unused")
	require.Empty(t, claim(own, "network", now))
	require.Equal(t, "belongs to another client", claim(idle, "process", now))
	require.Empty(t, claim(idle, "agent", now))
}

// requireCalm checks that nothing was lost, refused or doubled.
func requireCalm(t testing.TB, b *natsbus.Bus) {
	t.Helper()
	s := b.Statistics()
	require.Zero(t, s.Lost+s.Malformed+s.Forged+s.Stale)
}

// TestMalformedHeadersDoNotFillTheLog: nats.go reports each of them.
func TestMalformedHeadersDoNotFillTheLog(t *testing.T) {
	server := startServer(t)
	var log strings.Builder // written under the handler's lock, and read when the bus is closed
	inside, err := natsbus.InProcess(background(t), server, &natsbus.Options{Bus: bus.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}})
	require.NoError(t, err)
	r := subscribe(t, inside, "s", "#")
	conn, err := net.Dial("unix", server.Socket())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprint(conn, "CONNECT {\"headers\":true,\"verbose\":false}\r\nPING\r\n")
	require.NoError(t, err)
	for said := bufio.NewScanner(conn); said.Scan() && said.Text() != "PONG"; {
	}
	event := wellFormed(t, func(map[string]any) {})
	_, err = fmt.Fprint(conn, strings.Repeat("HPUB events.process.tree 4 4\r\nXXXX\r\n", 1000))
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "PUB events.process.tree %d\r\n%s\r\n", len(event), event)
	require.NoError(t, err)
	require.Equal(t, uint32(7), nextPID(t, r))
	require.EqualValues(t, 1000, inside.Statistics().Malformed)
	require.NoError(t, inside.Shutdown(background(t)))
	require.LessOrEqual(t, strings.Count(log.String(), "\n"), 5, "%.500s", log.String())
}
