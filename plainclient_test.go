package eventbus_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
)

// TestPlainClient is a NATS client with a MessagePack library and nothing of this project: it reads real events from
// a collector, publishes one, and sends garbage.
func TestPlainClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := shortDir(t)
	b, err := eventbus.Open(ctx, eventbus.Config{NATS: eventbus.NATSConfig{SocketPath: dir + "/s", Listen: "127.0.0.1:0"}})
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Shutdown(context.Background())) }()
	endpoints := b.(eventbus.Listener).Endpoints()

	// From here on everything about the client is plain.
	connect := func(role string) *nats.Conn {
		seed, err := nats.NkeyOptionFromSeed(filepath.Join(endpoints.Credentials, role+".nk"))
		require.NoError(t, err)
		client, err := nats.Connect(endpoints.URL, seed)
		require.NoError(t, err)
		t.Cleanup(client.Close)
		return client
	}
	client := connect("observer")
	events, err := client.SubscribeSync("events.process.>")
	require.NoError(t, err)
	require.NoError(t, client.Flush())

	collecting, stop := context.WithCancel(ctx)
	collected := make(chan error, 1)
	go func() { collected <- collect.NewProcesses(b, nil).Run(collecting) }()
	for {
		msg, err := events.NextMsgWithContext(ctx)
		require.NoError(t, err, "the collector reports this test's own process")
		var event struct {
			ID      []byte    `msgpack:"id"`
			Time    time.Time `msgpack:"time"`
			Topic   string    `msgpack:"topic"`
			Type    string    `msgpack:"type"`
			Payload struct {
				PID         uint32   `msgpack:"pid"`
				Name        string   `msgpack:"name"`
				CommandLine []string `msgpack:"command_line"`
				UserID      string   `msgpack:"user_id"`
			} `msgpack:"payload"`
		}
		require.NoError(t, msgpack.Unmarshal(msg.Data, &event))
		require.Equal(t, msg.Subject, event.Topic)
		require.Equal(t, "process", event.Type)
		require.Len(t, event.ID, 16)
		if event.Payload.PID == uint32(os.Getpid()) {
			require.WithinDuration(t, time.Now(), event.Time, time.Minute)
			require.Equal(t, os.Args, event.Payload.CommandLine)
			require.Equal(t, strconv.Itoa(os.Getuid()), event.Payload.UserID)
			break
		}
	}
	stop()
	require.NoError(t, <-collected)

	r, err := b.Subscribe(ctx, bus.Subscription{ID: "detector", Patterns: []string{"events.network.+"}})
	require.NoError(t, err)
	id := uuid.New()
	good, err := msgpack.Marshal(map[string]any{
		"id": id[:], "time": time.Now(), "type": "network", "source": "network-2",
		"payload": map[string]any{"connection_id": "c", "protocol": "tcp", "bytes_sent": 12, "timestamp": time.Now(), "of_tomorrow": 1},
	})
	require.NoError(t, err)
	client = connect("network")
	for _, garbage := range [][]byte{nil, []byte("hello"), good[:20], {0xdf, 0xff, 0xff, 0xff, 0xff}} {
		require.NoError(t, client.Publish("events.network.connections", garbage))
	}
	require.NoError(t, client.Publish("events.network.connections", good))
	event, err := r.Next(ctx)
	require.NoError(t, err)
	require.Equal(t, id, event.ID)
	require.Equal(t, "network-2", event.Source)
	require.Equal(t, uint64(12), *event.Payload.(*bus.NetworkEvent).BytesSent)
	require.Equal(t, uint64(4), b.Statistics().Malformed)
}
