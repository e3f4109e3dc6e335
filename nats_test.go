package eventbus_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/natsprocess"
)

const natsPatience = 20 * time.Second

// openFrom opens a bus with a configuration file, and what is different on this host.
func openFrom(t *testing.T, file string, environ ...string) bus.Bus {
	t.Helper()
	config, warnings, err := eventbus.LoadFrom(file, environ, nil)
	require.NoError(t, err)
	require.Empty(t, warnings)
	b, err := eventbus.Open(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = b.Shutdown(ctx) // what was published once too often is of no interest
	})
	return b
}

// publishUntil publishes until somebody who may not be known yet has got it.
func publishUntil(t *testing.T, publish func(), got func() bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		publish()
		return got()
	}, natsPatience, time.Millisecond)
}

// TestOpenALeaf uses the files that docs/cluster.md shows.
func TestOpenALeaf(t *testing.T) {
	hub := natsprocess.StartHub(t, "testdata/nats/hub.conf")
	b := openFrom(t, "testdata/nats/leaf.toml", "EVENTBUS_NATS__SOCKET_PATH="+shortDir(t)+"/s", "EVENTBUS_NATS__LEAF__HUB="+hub.LeafURL(),
		"EVENTBUS_NATS__LEAF__CREDENTIALS="+hub.Seeds["a"], "EVENTBUS_NATS__LEAF__TLS_CA="+hub.CAFile)
	conn, err := nats.Connect(hub.Operator())
	require.NoError(t, err)
	defer conn.Close()
	atHub, err := conn.SubscribeSync("fleet.*.events.process.>")
	require.NoError(t, err)
	publishUntil(t, func() {
		require.NoError(t, b.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: 7, Name: "p", Timestamp: time.Now()}}))
	}, func() bool {
		msg, err := atHub.NextMsg(time.Millisecond)
		var event bus.Event
		if err == nil {
			require.Equal(t, "fleet.a.events.process.lifecycle", msg.Subject)
			_, err = event.UnmarshalMsg(msg.Data)
			require.NoError(t, err)
		}
		return err == nil
	})
	orders, err := b.Subscribe(t.Context(), bus.Subscription{ID: "orders", Patterns: []string{"control.#"}})
	require.NoError(t, err)
	order := bus.Event{Payload: &bus.ProcessEvent{PID: 8, Name: "p", Timestamp: time.Now()}}
	encoded, err := order.MarshalMsg(nil)
	require.NoError(t, err)
	publishUntil(t, func() {
		require.NoError(t, conn.Publish("fleet.a.down.control.collector.config", encoded))
		require.NoError(t, conn.Flush())
	}, func() bool { _, err := orders.TryNext(); return err == nil })
}

// TestOpenOnACluster uses the files that docs/cluster.md shows.
func TestOpenOnACluster(t *testing.T) {
	cluster := natsprocess.StartCluster(t, "testdata/nats/node.conf")
	open := func(credentials string) bus.Bus {
		return openFrom(t, "testdata/nats/cluster.toml", "EVENTBUS_NATS__URL="+cluster.URL(t), "EVENTBUS_NATS__CREDENTIALS="+credentials,
			"EVENTBUS_NATS__TLS_CA="+cluster.CAFile)
	}
	collector, observer := open(cluster.Collector), open(cluster.Observer)
	reader, err := observer.Subscribe(t.Context(), bus.Subscription{ID: "reader", Patterns: []string{"events.#"}})
	require.NoError(t, err)
	publishUntil(t, func() {
		require.NoError(t, collector.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: 7, Name: "p", Timestamp: time.Now()}}))
	}, func() bool { _, err := reader.TryNext(); return err == nil })
}

// TestTheDocumentationShowsWhatTheTestsUse holds docs/cluster.md against the files.
func TestTheDocumentationShowsWhatTheTestsUse(t *testing.T) {
	document, err := os.ReadFile("docs/cluster.md")
	require.NoError(t, err)
	for _, name := range []string{"hub.conf", "node.conf", "leaf.toml", "cluster.toml"} {
		file, err := os.ReadFile("testdata/nats/" + name)
		require.NoError(t, err)
		shown := string(file)
		if strings.HasSuffix(name, ".toml") { // without the first line, which says what it is
			_, shown, _ = strings.Cut(shown, "\n")
		}
		require.Contains(t, string(document), "\n"+shown+"```\n", name)
	}
}
