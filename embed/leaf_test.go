package embed_test

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/natsprocess"
)

func startHub(t testing.TB) *natsprocess.Hub {
	t.Helper()
	return natsprocess.StartHub(t, "../testdata/nats/hub.conf")
}

// leafOf returns the options of a host that joins the hub.
func leafOf(hub *natsprocess.Hub, host string) embed.LeafOptions {
	return embed.LeafOptions{Hub: hub.LeafURL(), Credentials: hub.Seeds[host], CAFile: hub.CAFile, Host: host}
}

// startLeaf starts a server and waits until it has joined.
func startLeaf(t testing.TB, leaf embed.LeafOptions, changes ...func(*embed.Options)) *embed.Server {
	t.Helper()
	server := start(t, &embed.Options{Leaf: leaf}, changes...)
	require.Eventually(t, server.Joined, patience, time.Millisecond)
	return server
}

func watcher(t testing.TB, hub *natsprocess.Hub) *nats.Conn {
	t.Helper()
	conn, err := connect(t, hub.Watcher())
	require.NoError(t, err)
	return conn
}

func operator(t testing.TB, hub *natsprocess.Hub) *nats.Conn {
	t.Helper()
	conn, err := connect(t, hub.Operator())
	require.NoError(t, err)
	return conn
}

func interested(server *embed.Server, topic string) func() bool {
	return func() bool { return server.Interest(topic) > 0 }
}

// TestInterestAtTheHub is what spares a host the encoding of what nobody there wants.
func TestInterestAtTheHub(t *testing.T) {
	hub := startHub(t)
	server := startLeaf(t, leafOf(hub, "a"))
	bus := connectBus(t, server)
	subscribe(t, bus, "in.>")
	for _, topic := range []string{topic, "control.health.status", "control.shutdown"} {
		require.Zero(t, server.Interest(topic), topic)
	}
	w := watcher(t, hub)
	sub := subscribe(t, w, "fleet.*.events.process.>")
	require.Eventually(t, interested(server, topic), patience, time.Millisecond)
	require.Zero(t, server.Interest("events.network.dns"))
	require.Zero(t, server.Interest("eventbus.batch."+topic), "the hub gets single events, like any plain client")
	require.False(t, server.Alone())
	unsubscribe(t, w, sub)
	require.Eventually(t, func() bool { return server.Interest(topic) == 0 }, patience, time.Millisecond)

	// Whatever it is that matches everything, there is only what was chosen.
	subscribe(t, w, "fleet.>")
	require.Eventually(t, interested(server, "control.health.status"), patience, time.Millisecond)
	for _, subject := range []string{"control.shutdown", "eventbus.sequences", "eventbus.batch." + topic, "eventbus.ask", "_INBOX.x", "_INBOX_agent.x"} {
		require.Zero(t, server.Interest(subject), subject)
	}
}

// TestWhatGoesUp has topics that overlap, each event goes up once all the same.
func TestWhatGoesUp(t *testing.T) {
	hub := startHub(t)
	leaf := leafOf(hub, "a")
	leaf.Topics = []string{"events.process.+", "events.+.lifecycle", "events.process.lifecycle", "control.health.#"}
	a, b := startLeaf(t, leaf), startLeaf(t, leafOf(hub, "b"))
	busA, busB := connectBus(t, a), connectBus(t, b)
	w := watcher(t, hub)
	all, one, both := subscribe(t, w, "fleet.>"), subscribe(t, w, "fleet.a.events.process.lifecycle"), subscribe(t, w, "fleet.*.events.process.>")
	require.Eventually(t, func() bool {
		return a.Interest(topic) > 0 && b.Interest(topic) > 0 && b.Interest("events.network.dns") > 0
	}, patience, time.Millisecond)

	publish(t, busA, "events.network.dns", "not chosen")
	publish(t, busA, "control.shutdown", "not chosen")
	publish(t, busA, "eventbus.sequences", "between buses")
	publish(t, busA, "_INBOX.x", "a reply")
	publish(t, busA, "$SYS.x", "of a server")
	publish(t, busA, topic, "1")
	for _, sub := range []*nats.Subscription{all, one, both} {
		requireNext(t, sub, "fleet.a."+topic, "1")
	}
	publish(t, busB, topic, "2")
	requireNext(t, all, "fleet.b."+topic, "2")
	requireNext(t, both, "fleet.b."+topic, "2")
	publish(t, busB, "events.network.dns", "3")
	requireNext(t, all, "fleet.b.events.network.dns", "3")
	publish(t, busA, "control.health.status", "4")
	requireNext(t, all, "fleet.a.control.health.status", "4")
	for _, sub := range []*nats.Subscription{all, one, both} {
		requireNothing(t, sub)
	}
}

// TestWhatComesDown: a host gets what it accepts, and nothing else of what is said at the hub, be it another host's or for another one.
func TestWhatComesDown(t *testing.T) {
	hub := startHub(t)
	leaf := leafOf(hub, "a")
	leaf.Accept = []string{"control.collector.#", "control.+.config"}
	accepting, other := startLeaf(t, leaf), startLeaf(t, leafOf(hub, "b"))
	busA, busB := connectBus(t, accepting), connectBus(t, other)
	everything, client := subscribe(t, busA, ">"), subscribe(t, connectSocket(t, accepting), "control.>")
	bus := subscribe(t, connectBus(t, accepting), "in.>")
	nobody := subscribe(t, busB, ">")

	w, o := watcher(t, hub), operator(t, hub)
	subscribe(t, w, "fleet.>")
	require.Eventually(t, func() bool { return accepting.Interest(topic) > 0 && other.Interest(topic) > 0 }, patience, time.Millisecond)
	for _, subject := range []string{
		topic, "control.collector.task", "in.hub.up.plain.control.collector.task", "in.trusted.up.plain." + topic, "up.plain." + topic, "eventbus.sequences",
		"fleet.a." + topic, "fleet.b." + topic, "fleet.a.control.collector.task", "fleet.a.down." + topic, "fleet.a.down.control.shutdown",
		"fleet.b.down.control.collector.task", "fleet.c.down.control.collector.task", "_INBOX.x",
	} {
		_ = o.Publish(subject, []byte("not accepted, or not even permitted"))
	}
	publish(t, busB, topic, "of another host")
	publish(t, busB, "control.health.status", "of another host")
	require.Eventually(t, func() bool {
		_ = o.Publish("fleet.a.down.control.collector.task", []byte("order"))
		msg, err := bus.NextMsg(quiet)
		return err == nil && msg.Subject == "in.hub.up.plain.control.collector.task" && string(msg.Data) == "order"
	}, patience, time.Millisecond)
	publish(t, o, "fleet.a.down.control.collector.config", "last") // within both
	for {
		msg, err := everything.NextMsg(patience)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(msg.Subject, "in.hub.up.plain.control."), msg.Subject)
		if string(msg.Data) == "last" {
			break
		}
	}
	requireNothing(t, client)
	requireNothing(t, nobody)
}

// TestTheHubIsARole like any other.
func TestTheHubIsARole(t *testing.T) {
	hub := startHub(t)
	leaf := leafOf(hub, "a")
	leaf.Accept = []string{"control.#"}
	server := startLeaf(t, leaf)
	require.True(t, server.Speaks(embed.Hub, "whoever"))
	require.False(t, start(t, nil).Speaks(embed.Hub, "whoever"))
	require.Zero(t, server.Clients(), "it is no client")
}

// TestWhoGetsIntoTheHub has those who do not, and whose host works on.
func TestWhoGetsIntoTheHub(t *testing.T) {
	hub := startHub(t)
	otherSeed, _ := natsprocess.NewSeed(t)
	for _, c := range []struct {
		name   string
		change func(*embed.LeafOptions)
		reason string
	}{
		{"no credentials", func(l *embed.LeafOptions) { l.Credentials = "" }, "Authorization Violation"},
		{"another's key", func(l *embed.LeafOptions) { l.Credentials = otherSeed }, "Authorization Violation"},
		{"a user that the hub does not know", func(l *embed.LeafOptions) { l.Credentials, l.Hub = "", "tls://somebody:secret@"+hub.Leaf }, "Authorization Violation"},
		{"another authority", func(l *embed.LeafOptions) { l.CAFile = natsprocess.NewAuthority(t).File }, "certificate"},
		{"the system's authorities", func(l *embed.LeafOptions) { l.CAFile = "" }, "certificate"},
		{"nobody there", func(l *embed.LeafOptions) { l.Hub = "tls://127.0.0.1:1" }, "refused"},
		{"not the listener for leaf nodes", func(l *embed.LeafOptions) { l.Hub, l.CAFile = "nats://"+hub.Address(t), "" }, "wrong port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			leaf := leafOf(hub, "a")
			c.change(&leaf)
			log := &lines{}
			server := start(t, &embed.Options{Leaf: leaf}, log.take)
			bus, client := connectBus(t, server), connectSocket(t, server)
			sub := subscribe(t, client, "events.>")
			warning := "cannot join the hub; trying on"
			require.Eventually(t, func() bool { return log.count(warning) > 0 }, patience, time.Millisecond)
			require.Regexp(t, "(?i)"+c.reason, log.first(warning))
			require.NotContains(t, log.String(), "secret")
			require.False(t, server.Joined())
			publish(t, bus, topic, "goes on")
			requireNext(t, sub, topic, "goes on")
			require.Equal(t, 1, log.Len(), "%s", log)
		})
	}
}

// TestTheHubIsNotTalkedToInPlainText where the address or the authority say so.
func TestTheHubIsNotTalkedToInPlainText(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain.conf")
	require.NoError(t, os.WriteFile(plain, []byte("leafnodes { host: 127.0.0.1, port: $LEAF_PORT }"), 0o600))
	hub := natsprocess.StartConfig(t, plain, natsprocess.LeafPort+"=-1")
	for _, leaf := range []embed.LeafOptions{{Hub: "tls://" + hub.Leaf}, {Hub: hub.Leaf, CAFile: natsprocess.NewAuthority(t).File}} {
		log := &lines{}
		server := start(t, &embed.Options{Leaf: leaf}, log.take)
		require.Eventually(t, func() bool { return log.count("cannot join the hub") > 0 }, patience, time.Millisecond)
		require.False(t, server.Joined())
	}
	server := startLeaf(t, embed.LeafOptions{Hub: hub.Leaf, Host: "plain"})
	conn, err := connect(t, hub.URL)
	require.NoError(t, err)
	sub := subscribe(t, conn, "fleet.plain.>")
	require.Eventually(t, interested(server, topic), patience, time.Millisecond)
	publish(t, connectBus(t, server), topic, "plain")
	requireNext(t, sub, "fleet.plain."+topic, "plain")
}

// TestTheHubComesAndGoes is told in two lines each time, and stops nothing.
func TestTheHubComesAndGoes(t *testing.T) {
	hub := startHub(t)
	log := &lines{}
	server := startLeaf(t, leafOf(hub, "a"), log.take)
	bus, client := connectBus(t, server), connectSocket(t, server)
	sub := subscribe(t, client, "events.>")
	require.Eventually(t, func() bool { return log.count("joined the hub") == 1 }, patience, time.Millisecond)
	for round := 1; round <= 2; round++ {
		hub.Kill()
		require.Eventually(t, func() bool { return log.count("the hub is away") == round }, patience, time.Millisecond)
		publish(t, bus, topic, "meanwhile")
		requireNext(t, sub, topic, "meanwhile")
		require.False(t, server.Joined())
		hub.Restart(t)
		require.Eventually(t, func() bool { return log.count("the hub is back") == round }, patience, time.Millisecond)
		w := watcher(t, hub)
		atHub := subscribe(t, w, "fleet.a.events.>")
		unsubscribe(t, client, sub)
		require.Eventually(t, interested(server, topic), patience, time.Millisecond, "of the hub alone")
		publish(t, bus, topic, "back")
		requireNext(t, atHub, "fleet.a."+topic, "back")
		sub = subscribe(t, client, "events.>")
		w.Close()
	}
	require.Equal(t, 5, log.Len(), "%s", log)
	require.NotContains(t, log.String(), `reason=""`)
}

// TestAStopWhileTheHubIsSought does not wait for it.
func TestAStopWhileTheHubIsSought(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	require.NoError(t, err)
	defer silent.Close()
	for _, hub := range []string{silent.Addr().String(), "192.0.2.1:7422"} { // an address without a host
		server, err := embed.Start(t.Context(), &embed.Options{NoSocket: true, Leaf: embed.LeafOptions{Hub: hub}})
		require.NoError(t, err)
		begun := time.Now()
		stop(t, server)
		require.Less(t, time.Since(begun), patience/2)
	}
}

func TestInvalidLeafOptions(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	garbage, creds := file("garbage", "garbage"), file("garbage.creds", "garbage")
	for _, c := range []struct {
		leaf         embed.LeafOptions
		field, value string
	}{
		{embed.LeafOptions{Hub: "http://u:secret@h"}, "Leaf.Hub", ""},
		{embed.LeafOptions{Hub: "h", Prefix: "a..b"}, "Leaf.Prefix", "a..b"},
		{embed.LeafOptions{Hub: "h", Prefix: "$SYS"}, "Leaf.Prefix", "$SYS"},
		{embed.LeafOptions{Hub: "h", Prefix: "_INBOX"}, "Leaf.Prefix", "_INBOX"},
		{embed.LeafOptions{Hub: "h", Prefix: "a.b.c.d.e"}, "Leaf.Prefix", "a.b.c.d.e"},
		{embed.LeafOptions{Hub: "h", Host: "a.b"}, "Leaf.Host", "a.b"},
		{embed.LeafOptions{Hub: "h", Host: "A"}, "Leaf.Host", "A"},
		{embed.LeafOptions{Hub: "h", Host: "*"}, "Leaf.Host", "*"},
		{embed.LeafOptions{Hub: "h", Host: strings.Repeat("a", 65)}, "Leaf.Host", strings.Repeat("a", 65)},
		{embed.LeafOptions{Hub: "h", Topics: []string{"events.#.x"}}, "Leaf.Topics", "events.#.x"},
		{embed.LeafOptions{Hub: "h", Accept: []string{"control.#", "system.x"}}, "Leaf.Accept", "system.x"},
		{embed.LeafOptions{Hub: "h", Credentials: dir + "/none"}, "Leaf.Credentials", dir + "/none"},
		{embed.LeafOptions{Hub: "h", Credentials: garbage}, "Leaf.Credentials", garbage},
		{embed.LeafOptions{Hub: "h", Credentials: creds}, "Leaf.Credentials", creds},
		{embed.LeafOptions{Hub: "h", CAFile: garbage}, "Leaf.CAFile", garbage},
		{embed.LeafOptions{Hub: "h", CAFile: dir + "/none"}, "Leaf.CAFile", dir + "/none"},
	} {
		_, err := embed.Start(t.Context(), &embed.Options{NoSocket: true, Leaf: c.leaf})
		var invalid *embed.OptionError
		require.ErrorAs(t, err, &invalid, "%+v", c.leaf)
		require.Equal(t, c.field, invalid.Field)
		require.Equal(t, c.value, invalid.Value)
		require.NotContains(t, err.Error(), "secret")
	}
	_, err := embed.Start(t.Context(), &embed.Options{NoSocket: true, Roles: []embed.Role{{Name: embed.Hub}}, Leaf: embed.LeafOptions{Hub: "h"}})
	require.ErrorContains(t, err, "Roles[hub].Name")
}

func TestTheNameOfAHostAsASegment(t *testing.T) {
	for name, want := range map[string]string{
		"web1": "web1", "Web-1.Example.ORG": "web-1-example-org", "_x": "x", "büro pc": "b-ro-pc", strings.Repeat("a", 70): strings.Repeat("a", 64),
	} {
		got, err := embed.HostSegment(name, nil)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := embed.HostSegment("...", nil)
	require.Error(t, err)
	_, err = embed.HostSegment("", os.ErrPermission)
	require.ErrorIs(t, err, os.ErrPermission)
}

// lines keeps the log of an operator: what is more than a detail, without the server's own start.
type lines struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *lines) take(o *embed.Options) {
	o.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(p, []byte("event bus server started")) {
		return len(p), nil
	}
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) Len() int { return strings.Count(l.String(), "\n") }

func (l *lines) count(text string) int { return strings.Count(l.String(), text) }

func (l *lines) first(text string) string {
	for line := range strings.SplitSeq(l.String(), "\n") {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}
