package interop_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// What docs/clients.md says of any client, with one that sends what the test wants.

// health is an event of a type of its own, which an agent may publish.
func health(t *testing.T, edit func(object)) []byte {
	t.Helper()
	event := object{"type": "load", "source": "agent", "payload": object{"load": 0.5}}
	if edit != nil {
		edit(event)
	}
	message, err := msgpack.Marshal(event)
	require.NoError(t, err)
	return message
}

// A client that may read what it publishes gets it back, also if it asks its server for no echo: it comes from the bus.
func TestEcho(t *testing.T) {
	c := startCollector(t)
	agent := c.plain("agent", nats.NoEcho())
	own, err := agent.SubscribeSync(subjects.ControlHealthStatus)
	require.NoError(t, err)
	require.NoError(t, agent.Flush())
	require.NoError(t, agent.Publish(subjects.ControlHealthStatus, health(t, nil)))
	message, err := own.NextMsg(patience)
	require.NoError(t, err)
	require.Equal(t, "load", decode(t, message)["type"])
}

// On topics of events there are no requests. An event passes, and what would make it one does not: neither the subject for the answer nor headers.
func TestRequestsAreNotPassedOn(t *testing.T) {
	c := startCollector(t)
	observer := c.plain("observer")
	asked, err := observer.SubscribeSync(subjects.NetworkDNS)
	require.NoError(t, err)
	require.NoError(t, observer.Flush())
	network := c.plain("network", nats.CustomInboxPrefix("_INBOX_network"))
	request := nats.NewMsg(subjects.NetworkDNS)
	request.Data, request.Reply = health(t, func(e object) { e["source"] = "network" }), network.NewRespInbox()
	request.Header.Set("Key", "value")
	require.NoError(t, network.PublishMsg(request))
	message, err := asked.NextMsg(patience)
	require.NoError(t, err)
	require.Equal(t, "load", decode(t, message)["type"])
	require.Empty(t, message.Reply)
	require.Empty(t, message.Header)
}

// Replies of other roles are nobody's business.
func TestInboxOfAnotherRole(t *testing.T) {
	c := startCollector(t)
	refused := make(chan error, 1)
	observer := c.plain("observer", nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- err }))
	_, err := observer.SubscribeSync("_INBOX_agent.>")
	require.NoError(t, err)
	require.ErrorIs(t, <-refused, nats.ErrPermissionViolation)
	_, err = observer.SubscribeSync("_INBOX_observer.>")
	require.NoError(t, err)
	require.NoError(t, observer.Flush())
	require.Empty(t, refused)
}

// What is no event, or one in another's name, reaches nobody. Its publisher hears nothing; the collector's log says it.
func TestRefusedSilently(t *testing.T) {
	other := uuid.New()
	for _, refused := range []struct {
		name    string
		message []byte
		log     string
	}{
		{"no event", []byte("hello"), "skipped a message that is no valid event"},
		{"topic differs", health(t, func(e object) { e["topic"] = subjects.ControlShutdown }), "differs from the subject"},
		{"source of another role", health(t, func(e object) { e["source"] = "process" }), "refused a message in another's name"},
		{"publisher of another role", health(t, func(e object) { e["publisher"] = other[:] }), "refused a message in another's name"},
	} {
		t.Run(refused.name, func(t *testing.T) {
			c := startCollector(t)
			reference := c.reference()
			// Whoever uses a publisher's name first has it.
			process := c.plain("process")
			first := health(t, func(e object) { e["source"], e["publisher"] = "process", other[:] })
			require.NoError(t, process.Publish(subjects.ControlHealthStatus, first))
			reference.await(func(e *bus.Event) bool { return e.Source == "process" })

			agent := c.plain("agent")
			require.NoError(t, agent.Publish(subjects.ControlHealthStatus, refused.message))
			require.NoError(t, agent.Publish(subjects.ControlHealthStatus, health(t, func(e object) { e["source"] = "agent-good" })))
			reference.await(func(e *bus.Event) bool {
				if e.Topic != subjects.ControlHealthStatus || e.Publisher == other && e.Source == "process" {
					return false
				}
				require.Equal(t, "agent-good", e.Source)
				return true
			})
			require.NoError(t, agent.LastError())
			require.Contains(t, c.said(), refused.log)
		})
	}
}

// In metadata, numbers and booleans become texts, and what has parts is left out.
func TestMetadataIsTexts(t *testing.T) {
	c := startCollector(t)
	reference := c.reference()
	require.NoError(t, c.plain("agent").Publish(subjects.ControlHealthStatus, health(t, func(e object) {
		e["metadata"] = object{"number": 7, "truth": true, "text": "é", "nested": object{"a": 1}, "list": []int{1}}
	})))
	event := reference.await(func(e *bus.Event) bool { return e.Topic == subjects.ControlHealthStatus })
	require.Equal(t, bus.Metadata{"number": "7", "truth": "true", "text": "é"}, event.Metadata)
}

// JavaScript has one kind of number. A whole one is written as an integer, also where a float is meant.
func TestWholeNumberOfJavaScript(t *testing.T) {
	c := startCollector(t)
	reference := c.reference()
	cmd := c.command("node", "--input-type=module", "--eval", `
		import { encode } from "@msgpack/msgpack";
		const payload = { metric_name: "load", value: 42, unit: "1", component: "cpu", timestamp: new Date() };
		process.stdout.write(encode({ type: "performance", source: "performance-node", payload }));`)
	cmd.Dir = tools.node
	code, message, stderr := finish(t, cmd)
	require.Zero(t, code, stderr)
	require.NoError(t, c.plain("performance").Publish(subjects.PerformanceSystem, []byte(message)))
	event := reference.await(func(e *bus.Event) bool { return e.Source == "performance-node" })
	require.Equal(t, 42.0, event.Payload.(*bus.PerformanceEvent).Value)
}

// A key that is rotated ends the connections that use it within two seconds; the new one gets in.
func TestRotatedKey(t *testing.T) {
	c := startCollector(t)
	closed := make(chan struct{})
	began := time.Now()
	c.plain("observer", nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	code, stdout, stderr := finish(t, c.command(filepath.Join(tools.bin, "eventbus"), "creds", "rotate", "observer"))
	require.Zero(t, code, stderr)
	require.Equal(t, c.seed("observer"), strings.TrimSpace(stdout))
	select {
	case <-closed:
	case <-time.After(patience):
		require.Fail(t, "still connected", "after %v", time.Since(began))
	}
	c.plain("observer")
}

// A watcher that does not seek a lost connection says so at its end. Its events stay what they are, lines of JSON.
func TestWatcherOutlivesNoCollector(t *testing.T) {
	c := startCollector(t)
	cmd := c.command(tools.python, "python/watch.py", c.url, c.seed("observer"))
	watcher := start(t, cmd)
	eventually(t, func() bool { return watcher.has(func(object) bool { return true }) != nil }, watcher.said.String)
	c.stop()
	for line := range watcher.lines {
		require.NotEmpty(t, parse(t, line)["id"])
	}
	eventually(t, func() bool { return strings.Contains(watcher.said.String(), "watch.py: the connection is lost") }, watcher.said.String)
}

// A bus is told at once that its role may not read something.
func TestForbiddenPattern(t *testing.T) {
	c := startCollector(t)
	_, err := c.attach("network").Subscribe(waiting(t), bus.Subscription{ID: "forbidden", Patterns: []string{"events.#"}})
	require.ErrorIs(t, err, bus.ErrForbidden)
}

// A client knows from the server how large a message may be.
func TestTooLarge(t *testing.T) {
	c := startCollector(t)
	require.ErrorIs(t, c.plain("agent").Publish(subjects.ControlHealthStatus, make([]byte, 300<<10)), nats.ErrMaxPayload)
}

func decode(t *testing.T, message *nats.Msg) (event object) {
	t.Helper()
	require.NoError(t, msgpack.Unmarshal(message.Data, &event))
	return event
}
