package collect_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
)

// TestConnectionBytes: the counts are what the programs sent and received, to the byte, also after one side has ended its stream.
func TestConnectionBytes(t *testing.T) {
	for network, listener := range loopbacks(t) {
		t.Run(network, func(t *testing.T) {
			client, err := net.Dial("tcp", listener.Addr().String())
			require.NoError(t, err)
			defer client.Close()
			server, err := listener.Accept()
			require.NoError(t, err)
			defer server.Close()
			_, err = client.Write(make([]byte, 12345))
			require.NoError(t, err)
			_, err = io.ReadFull(server, make([]byte, 12345))
			require.NoError(t, err)
			_, err = server.Write(make([]byte, 678))
			require.NoError(t, err)
			_, err = io.ReadFull(client, make([]byte, 678))
			require.NoError(t, err)
			local, remote := client.LocalAddr().String(), client.RemoteAddr().String()

			events := newRecorder()
			run(t, collect.NewConnections(events, &collect.ConnectionOptions{Interval: often}))
			event, _ := events.until(t, "client", between(local, remote, collect.ActionExisting))
			counts := func(event bus.Event) [2]uint64 {
				n := event.Payload.(*bus.NetworkEvent)
				return [2]uint64{*n.BytesSent, *n.BytesReceived}
			}
			require.Equal(t, [2]uint64{12345, 678}, counts(event))

			// The client ends its stream: the server's socket waits for the server to do so too.
			require.NoError(t, client.(*net.TCPConn).CloseWrite())
			event, _ = events.until(t, "server", between(remote, local, collect.ActionChange))
			require.Equal(t, "close_wait", event.Payload.(*bus.NetworkEvent).State)
			require.Equal(t, [2]uint64{678, 12345}, counts(event))

			require.NoError(t, server.Close())
			event, _ = events.until(t, "end of the server", between(remote, local, collect.ActionClosed))
			require.Equal(t, [2]uint64{678, 12345}, counts(event), "the last known")
		})
	}
}

// loopbacks listens on the loopback addresses that the host has: in a container, IPv6 may be off.
func loopbacks(t *testing.T) map[string]net.Listener {
	t.Helper()
	listeners := make(map[string]net.Listener)
	for _, network := range [...]string{"127.0.0.1:0", "[::1]:0"} {
		listener, err := net.Listen("tcp", network)
		if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EAFNOSUPPORT) {
			continue
		}
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, listener.Close()) })
		listeners[network] = listener
	}
	require.Contains(t, listeners, "127.0.0.1:0")
	return listeners
}

// message returns a netlink message.
func message(kind uint16, body []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(16+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, make([]byte, 10)...)
	return append(b, body...)
}

func TestParseSockets(t *testing.T) {
	body := make([]byte, 72)
	body[0], body[1] = 2, 1
	copy(body[4:], []byte{0x03, 0xe8, 0, 80})
	copy(body[8:], []byte{10, 0, 0, 1})
	copy(body[24:], []byte{10, 0, 0, 2})
	n, done, err := collect.ParseSockets(append(message(20, body), message(3, nil)...))
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, 1, n)

	for name, bad := range map[string][]byte{
		"short header":   {1, 2, 3},
		"short message":  message(20, nil),
		"size of 0":      make([]byte, 16),
		"kernel's error": message(2, []byte{0xfe, 0xff, 0xff, 0xff}), // ENOENT
		"bad attribute":  message(20, append(body, 0xff, 0xff, 2, 0)),
	} {
		_, _, err := collect.ParseSockets(bad)
		require.Error(t, err, name)
	}
}

func FuzzSockets(f *testing.F) {
	f.Add(message(20, make([]byte, 72)))
	f.Add(message(20, append(make([]byte, 72), 8, 0, 2, 0, 1, 2, 3, 4)))
	f.Add(message(3, nil))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		n, _, _ := collect.ParseSockets(datagram)
		require.LessOrEqual(t, n, len(datagram)/88)
	})
}
