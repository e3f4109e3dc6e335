package natsbus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/natsbus"
	"github.com/daemoneye/eventbus/subjects"
)

const (
	statusTopic = subjects.ControlHealthStatus
	configTopic = subjects.ControlCollectorConfig
)

// respond has a bus answer with its name, the role of who asks, and the question.
func respond(t testing.TB, b *natsbus.Bus, topic, name string) {
	t.Helper()
	_, err := b.Respond(background(t), topic, func(_ context.Context, r bus.Request) ([]byte, error) {
		return []byte(name + " to " + r.Role + ": " + string(r.Data)), nil
	})
	require.NoError(t, err)
}

// plainAs connects a plain client with the key of a role.
func plainAs(t testing.TB, server *embed.Server, role string, more ...nats.Option) *nats.Conn {
	seed, err := nats.NkeyOptionFromSeed(seedOf(server, role))
	require.NoError(t, err)
	options := []nats.Option{
		seed, nats.CustomInboxPrefix(link.InboxPrefix(role)), nats.MaxReconnects(0), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	nc, err := nats.Connect(server.URL(), append(options, more...)...)
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func attachAs(t testing.TB, server *embed.Server, role string) *natsbus.Bus {
	return closing(t)(natsbus.Attach(background(t), server.Socket(), &natsbus.Options{Credentials: seedOf(server, role)}))
}

func startListening(t testing.TB) *embed.Server {
	return startServerWith(t, &embed.Options{Role: embed.Trusted})
}

// answers asks and returns what comes until there are n answers.
func answers(t testing.TB, b *natsbus.Bus, topic string, n int) (all []string) {
	t.Helper()
	for answer, err := range b.Request(background(t), topic, []byte("?")) {
		require.NoError(t, err)
		if all = append(all, string(answer)); len(all) == n {
			break
		}
	}
	return all
}

// TestRequestsReachEverybodyWhoAnswers has one in the server's process and one in another, asked from everywhere.
func TestRequestsReachEverybodyWhoAnswers(t *testing.T) {
	server := startListening(t)
	inside, collector, observer := closing(t)(natsbus.InProcess(background(t), server, nil)), attachAs(t, server, embed.Collector), attachAs(t, server, embed.Observer)
	respond(t, inside, statusTopic, "inside")
	respond(t, collector, statusTopic, "collector")
	require.ElementsMatch(t, []string{"inside to : ?", "collector to : ?"}, answers(t, inside, statusTopic, 2))
	require.ElementsMatch(t, []string{"inside to observer: ?", "collector to observer: ?"}, answers(t, observer, statusTopic, 2))

	nc := plainAs(t, server, embed.Observer)
	inbox, err := nc.SubscribeSync(nc.NewRespInbox())
	require.NoError(t, err)
	require.NoError(t, nc.PublishRequest(statusTopic, inbox.Subject, []byte("plain")))
	var got []string
	for range 2 {
		msg, err := inbox.NextMsg(patience)
		require.NoError(t, err)
		got = append(got, string(msg.Data))
	}
	require.ElementsMatch(t, []string{"inside to observer: plain", "collector to observer: plain"}, got)
	requireNothingElse(t, inside, collector, observer)
}

// TestABusAsksItselfOnce although the server's bus passes its question on to all who answer.
func TestABusAsksItselfOnce(t *testing.T) {
	server := startListening(t)
	inside, agent := closing(t)(natsbus.InProcess(background(t), server, nil)), attachAs(t, server, embed.Agent)
	respond(t, agent, statusTopic, "agent")
	respond(t, inside, statusTopic, "inside")
	got := answers(t, agent, statusTopic, 2)
	require.ElementsMatch(t, []string{"agent to : ?", "inside to agent: ?"}, got)
}

// TestWhoMayAsk is a matter of the role, for buses and for plain clients.
func TestWhoMayAsk(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	respond(t, inside, statusTopic, "inside")
	respond(t, inside, configTopic, "inside")
	for role, may := range map[string]map[string]bool{
		embed.Agent:     {statusTopic: true, configTopic: true},
		embed.Observer:  {statusTopic: true, configTopic: false},
		embed.Collector: {statusTopic: false, configTopic: false},
	} {
		b, nc := attachAs(t, server, role), plainAs(t, server, role)
		for topic, may := range may {
			answer, err := bus.Ask(background(t), b, topic, nil)
			msg, plainErr := nc.Request(topic, nil, patience/100)
			if may {
				require.NoError(t, err, "%s asks on %s", role, topic)
				require.NoError(t, plainErr, "%s asks on %s as a plain client", role, topic)
				require.Equal(t, "inside to "+role+": ", string(answer))
				require.Equal(t, "inside to "+role+": ", string(msg.Data))
				continue
			}
			require.ErrorIs(t, err, bus.ErrForbidden, "%s asks on %s", role, topic)
			if plainErr == nil { // it may publish there
				require.Equal(t, "403", msg.Header.Get("Nats-Service-Error-Code"), "%s asks on %s as a plain client: %s", role, topic, msg.Data)
			}
		}
		_, err := b.Respond(background(t), "control.custom.topic", func(context.Context, bus.Request) ([]byte, error) { return nil, nil })
		require.ErrorIs(t, err, bus.ErrForbidden)
	}
	_, err := attachAs(t, server, embed.Observer).Respond(background(t), statusTopic, func(context.Context, bus.Request) ([]byte, error) { return nil, nil })
	require.ErrorIs(t, err, bus.ErrForbidden)
}

// TestManyAskAtOnceAndEachIsTold which of them may not.
func TestManyAskAtOnceAndEachIsTold(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	b := attachAs(t, server, embed.Observer)
	var all sync.WaitGroup
	for i := range 2 * bus.MaxRequests {
		topic, want := fmt.Sprint("control.health.t", i), error(nil)
		if i%2 == 0 {
			topic, want = fmt.Sprint("control.custom.t", i), bus.ErrForbidden
		}
		respond(t, inside, topic, "inside")
		all.Go(func() {
			if _, err := bus.Ask(background(t), b, topic, nil); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", topic, err, want)
			}
			if _, err := b.Respond(background(t), topic, func(context.Context, bus.Request) ([]byte, error) { return nil, nil }); !errors.Is(err, bus.ErrForbidden) {
				t.Errorf("%s: %v", topic, err)
			}
		})
	}
	all.Wait()
}

// TestRepliesGoToWhoAsksAlone: the server's bus, which may send to anybody, sends no answer where the asker's role does not listen.
func TestRepliesGoToWhoAsksAlone(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	everything := subscribe(t, inside, "s", "#")
	respond(t, inside, statusTopic, "inside")
	publisher := uuid.New()
	nc := plainAs(t, server, embed.Observer)
	as := raw(t, server, publisher, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	victims := plain(t, server)
	victim, err := victims.SubscribeSync(link.InboxPrefix(embed.Trusted) + ".>")
	require.NoError(t, err)
	require.NoError(t, victims.Flush())
	plainReplies := []string{
		"events.process.lifecycle", "control.shutdown", "_INBOX_trusted.x", "_INBOX_observer", "_INBOX_observer.", "_INBOX_observer..x", "_INBOX_observer.*", "_INBOX_observer.>",
		"eventbus.sequences", "$SYS.REQ.SERVER.PING", "in.trusted.up.plain.events.x",
	}
	for _, reply := range plainReplies {
		require.NoError(t, nc.PublishRequest(statusTopic, reply, []byte("x")))
	}
	require.NoError(t, nc.Flush())
	busReplies := []string{"events.process.lifecycle", link.ReplyPrefix + uuid.NewString() + ".1", link.ReplyPrefix + publisher.String(), "_INBOX_trusted.x"}
	for _, reply := range busReplies {
		require.NoError(t, as.PublishRequest(link.BusPrefix+publisher.String()+"."+link.RequestPrefix+statusTopic, reply, []byte("x")))
	}
	// An answer that nobody has asked for.
	require.NoError(t, as.Publish(link.BusPrefix+publisher.String()+"."+link.ReplyPrefix+uuid.NewString(), []byte("x")))
	require.NoError(t, as.Flush())
	_, err = plainAs(t, server, embed.Observer).Request(statusTopic, nil, patience) // when that is answered, the others are over
	require.NoError(t, err)
	require.EqualValues(t, len(plainReplies)+len(busReplies), inside.Statistics().Forged)
	require.NoError(t, inside.Publish(background(t), process(1)))
	require.Equal(t, uint32(1), nextPID(t, everything), "nothing came before it")
	require.NoError(t, victims.Flush())
	pending, _, err := victim.Pending()
	require.NoError(t, err)
	require.Zero(t, pending)
}

// TestAnEventWhereARoleMayOnlyAsk is refused by the bus: to the server it looks like a request.
func TestAnEventWhereARoleMayOnlyAsk(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	r := subscribe(t, inside, "s", "#")
	nc := plainAs(t, server, embed.Observer)
	event := wellFormed(t, func(e map[string]any) { delete(e, "source") })
	require.NoError(t, nc.Publish(statusTopic, event))
	_, err := nc.Request(statusTopic, event, patience)
	require.ErrorIs(t, err, nats.ErrNoResponders)
	require.EqualValues(t, 1, inside.Statistics().Forged)
	require.NoError(t, inside.Publish(background(t), process(7)))
	require.Equal(t, uint32(7), nextPID(t, r))
}

// TestWhatIsNoAnswer is told to plain clients as NATS's own services do it, and does not fit is refused.
func TestWhatIsNoAnswer(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	_, err := inside.Respond(background(t), statusTopic, func(_ context.Context, r bus.Request) ([]byte, error) {
		if len(r.Data) > 0 {
			return nil, &bus.RequestError{Code: bus.CodeBadRequest, Reason: "no\r\nsuch: thing"}
		}
		return bytes.Repeat([]byte("x"), 1<<20), nil
	})
	require.NoError(t, err)
	nc := plainAs(t, server, embed.Observer)
	msg, err := nc.Request(statusTopic, []byte("x"), patience)
	require.NoError(t, err)
	require.Equal(t, "400", msg.Header.Get("Nats-Service-Error-Code"))
	require.Equal(t, "no  such: thing", msg.Header.Get("Nats-Service-Error"))
	require.Empty(t, msg.Data)
	msg, err = nc.Request(statusTopic, nil, patience)
	require.NoError(t, err)
	require.Equal(t, "413", msg.Header.Get("Nats-Service-Error-Code"))
	require.Contains(t, msg.Header.Get("Nats-Service-Error"), "1048576 bytes")

	_, err = bus.Ask(background(t), attachAs(t, server, embed.Observer), statusTopic, []byte("x"))
	refused, ok := errors.AsType[*bus.RequestError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, bus.RequestError{Code: bus.CodeBadRequest, Reason: "no  such: thing"}, *refused)
}

// TestWhoAsksTooOftenIsToldSo, and keeps no other role from asking.
func TestWhoAsksTooOftenIsToldSo(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	respond(t, inside, statusTopic, "inside")
	nc := plainAs(t, server, embed.Observer)
	inbox, err := nc.SubscribeSync(nc.NewRespInbox())
	require.NoError(t, err)
	const flood = 2000
	begun := time.Now()
	for range flood {
		require.NoError(t, nc.PublishRequest(statusTopic, inbox.Subject, nil))
	}
	answered, refused := 0, 0
	for range flood {
		msg, err := inbox.NextMsg(patience)
		require.NoError(t, err)
		switch msg.Header.Get("Nats-Service-Error-Code") {
		case "":
			answered++
		case "503":
			refused++
		}
	}
	require.Equal(t, flood, answered+refused, "each of them gets an answer")
	require.Positive(t, answered)
	rate := natsbus.RequestRate
	require.LessOrEqual(t, answered, rate+int(time.Since(begun).Seconds()*float64(rate))+1)
	_, err = plainAs(t, server, embed.Agent).Request(statusTopic, nil, patience)
	require.NoError(t, err)
}

// TestManyOpenRequestsOfOneKeepNobodyElseFromAsking: here the server's process has as many open as there may be.
func TestManyOpenRequestsOfOneKeepNobodyElseFromAsking(t *testing.T) {
	server := startListening(t)
	inside, collector := closing(t)(natsbus.InProcess(background(t), server, nil)), attachAs(t, server, embed.Collector)
	respond(t, collector, statusTopic, "collector")
	ctx, cancel := context.WithCancel(background(t))
	var asking, asked sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	for range natsbus.MaxPassedOn {
		asked.Add(1)
		asking.Go(func() {
			first := sync.OnceFunc(asked.Done)
			defer first()
			for range inside.Request(ctx, statusTopic, nil) {
				first() // and waits for others
			}
		})
	}
	asked.Wait()
	_, err := bus.Ask(background(t), inside, statusTopic, nil)
	require.ErrorContains(t, err, "1024 requests are being answered")
	answer, err := bus.Ask(background(t), attachAs(t, server, embed.Agent), statusTopic, nil)
	require.NoError(t, err)
	require.Equal(t, "collector to agent: ", string(answer))
	cancel()
	asking.Wait()
	_, err = bus.Ask(background(t), inside, statusTopic, nil)
	require.NoError(t, err)
}

// TestManyRunningRequestsOfOneKeepNobodyElseFromAsking: an observer has as many answers made for it as there may be.
func TestManyRunningRequestsOfOneKeepNobodyElseFromAsking(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	running, goOn := make(chan struct{}, bus.MaxRequests), make(chan struct{})
	end := sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(end) // before the bus is closed
	_, err := inside.Respond(background(t), statusTopic, func(_ context.Context, r bus.Request) ([]byte, error) {
		if r.Role == embed.Observer {
			running <- struct{}{}
			<-goOn
		}
		return []byte(r.Role), nil
	})
	require.NoError(t, err)
	nc := plainAs(t, server, embed.Observer)
	inbox, err := nc.SubscribeSync(nc.NewRespInbox())
	require.NoError(t, err)
	for range bus.MaxRequests {
		require.NoError(t, nc.PublishRequest(statusTopic, inbox.Subject, nil))
	}
	for range bus.MaxRequests {
		<-running
	}
	msg, err := nc.Request(statusTopic, nil, patience)
	require.NoError(t, err)
	require.Equal(t, "503", msg.Header.Get("Nats-Service-Error-Code"))
	agent := attachAs(t, server, embed.Agent)
	for range 2 * bus.MaxRequests { // one after the other
		answer, err := bus.Ask(background(t), agent, statusTopic, nil)
		require.NoError(t, err)
		require.Equal(t, embed.Agent, string(answer))
	}
	answer, err := bus.Ask(background(t), inside, statusTopic, nil)
	require.NoError(t, err)
	require.Empty(t, answer)
	end()
	for range bus.MaxRequests {
		msg, err := inbox.NextMsg(patience)
		require.NoError(t, err)
		require.Equal(t, embed.Observer, string(msg.Data))
	}
}

// TestRequestsOnAnExistingServer are NATS's own: anybody whom that server permits asks and answers on the topic.
func TestRequestsOnAnExistingServer(t *testing.T) {
	process := natsprocess.Start(t, "-1")
	b := closing(t)(natsbus.Connect(background(t), process.URL, nil))
	respond(t, b, statusTopic, "bus")
	events := subscribe(t, b, "s", "control.#")
	nc, err := nats.Connect(process.URL)
	require.NoError(t, err)
	defer nc.Close()
	msg, err := nc.Request(statusTopic, []byte("?"), patience)
	require.NoError(t, err)
	require.Equal(t, "bus to : ?", string(msg.Data))
	_, err = nc.Subscribe("control.custom.topic", func(msg *nats.Msg) { _ = msg.Respond([]byte("plain")) })
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	require.Equal(t, []string{"plain"}, answers(t, b, "control.custom.topic", 1))

	other := closing(t)(natsbus.Connect(background(t), process.URL, nil))
	event := bus.Event{Topic: "control.custom.event", Payload: &bus.PerformanceEvent{MetricName: "last", Component: "c", Unit: "u"}}
	require.NoError(t, other.Publish(background(t), event))
	got, err := events.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, event.Topic, got.Topic, "the requests before it were no events")
	require.Zero(t, b.Statistics().Malformed)
}

// TestAnswersGoOnAfterAReconnect, of the responder and of who asks.
func TestAnswersGoOnAfterAReconnect(t *testing.T) {
	server := startListening(t)
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	collector := attachAs(t, server, embed.Collector)
	respond(t, collector, statusTopic, "collector")
	require.Equal(t, []string{"collector to : ?"}, answers(t, inside, statusTopic, 1))
	natsbus.Reconnect(collector)
	require.Eventually(t, func() bool { return collector.Statistics().Reconnects == 1 && collector.Statistics().Connected }, patience, time.Millisecond)
	require.NoError(t, collector.Flush(background(t))) // the server knows its subscriptions again
	require.Equal(t, []string{"collector to : ?"}, answers(t, inside, statusTopic, 1))
}
