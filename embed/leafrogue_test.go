package embed_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
)

// TestAHubThatSendsWhatNobodyAskedFor speaks the protocol of leaf nodes by hand: a nats-server sends nothing that nobody has
// subscribed to, but whoever has broken into one may. It can give the orders that the host accepts, and nothing else.
func TestAHubThatSendsWhatNobodyAskedFor(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	server := start(t, &embed.Options{Leaf: embed.LeafOptions{Hub: listener.Addr().String(), Host: "a", Accept: []string{"control.collector.#"}}})
	bus, client := connectBus(t, server), connectSocket(t, server)
	inbound, all, outside := subscribe(t, bus, "in.>"), subscribe(t, bus, ">"), subscribe(t, client, "events.>")

	hub, err := listener.Accept()
	require.NoError(t, err)
	defer hub.Close()
	require.NoError(t, hub.SetDeadline(time.Now().Add(patience)))
	say := func(format string, args ...any) {
		t.Helper()
		_, err := fmt.Fprintf(hub, format+"\r\n", args...)
		require.NoError(t, err)
	}
	info, err := json.Marshal(map[string]any{
		"server_id": "NROGUE", "server_name": "rogue", "version": "2.15.2", "client_id": 1, "nonce": "none", "max_payload": 1 << 20, "headers": true,
		"leafnode_urls": []string{listener.Addr().String()}, "compression": "off", "proto": 1,
	})
	require.NoError(t, err)
	say("INFO %s", info)
	reader := bufio.NewReader(hub)
	wait := func(prefix string) {
		t.Helper()
		for {
			line, err := reader.ReadString('\n')
			require.NoError(t, err)
			if strings.HasPrefix(line, prefix) {
				return
			}
		}
	}
	wait("CONNECT")
	wait("LS+")
	for _, subject := range []string{">", "*.>", "events.>", "$SYS.>", "_INBOX.>", "eventbus.>"} {
		say("LS+ %s", subject)
	}
	for _, subject := range []string{
		topic, "control.shutdown", "control.collector.config", "in.hub.up.plain." + topic, "in.trusted.up.plain." + topic, "up.plain." + topic,
		"eventbus.sequences", "eventbus.batch." + topic, "_INBOX_trusted.x", "fleet.a." + topic, "fleet.b.down.control.collector.config",
		"fleet.a.down." + topic, "fleet.a.down.control.shutdown", "fleet.a.down.eventbus.sequences", "$SYS.REQ.SERVER.PING",
	} {
		say("LMSG %s 2\r\nno", subject)
		say("LMSG %s | bus 2\r\nno", subject)
	}
	say("LMSG fleet.a.down.control.collector.config 2\r\nok")
	say("PING")
	wait("PONG")
	requireNext(t, inbound, "in.hub.up.plain.control.collector.config", "ok")
	requireNext(t, all, "in.hub.up.plain.control.collector.config", "ok")
	publish(t, bus, topic, "own")
	requireNext(t, outside, topic, "own")
	requireNothing(t, inbound)
	requireNothing(t, outside)

	// Of what it has subscribed to, it gets what was chosen, which is nothing under these names.
	publish(t, bus, "eventbus.sequences", "own")
	publish(t, bus, "control.shutdown", "own")
	say("PING")
	line, err := reader.ReadString('\n')
	for ; err == nil && !strings.HasPrefix(line, "PONG"); line, err = reader.ReadString('\n') {
		require.NotContains(t, line, "eventbus.")
		require.NotContains(t, line, "shutdown")
	}
	require.NoError(t, err)
}
