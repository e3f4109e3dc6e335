//go:build unix

package faults_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/link"
	"github.com/daemoneye/eventbus/natsbus"
)

// spoil returns what a faulty or hostile client might send instead of an event of maxSize bytes at most.
func spoil(good []byte, random *rand.Rand, maxSize int) []byte {
	switch random.IntN(5) {
	case 0: // truncated
		return good[:random.IntN(len(good))]
	case 1: // with something behind its end
		return append(bytes.Clone(good), 0xc0)
	case 2: // oversized
		return append(bytes.Clone(good), make([]byte, maxSize)...)
	case 3: // noise
		noise := make([]byte, 1+random.IntN(600))
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		noise[0] = 0xc1 // which MessagePack never uses
		return noise
	}
	// A length that is not there.
	return append(bytes.Clone(good[:20]), 0xdd, 0xff, 0xff, 0xff, 0xff)
}

// TestGarbageAmongGoodEvents has a plain NATS client send 10,000 messages that are no events among its events.
func TestGarbageAmongGoodEvents(t *testing.T) {
	const garbage, maxSize, seed = 10_000, 4 << 10, 7
	leavesNothing(t)
	var audit bustest.Audit
	server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t), Listen: "127.0.0.1:0"})
	options := &natsbus.Options{Bus: bus.Options{MaxEventSize: maxSize}}
	inside := closing(t)(natsbus.InProcess(background(t), server, options))
	attached := closing(t)(natsbus.Attach(background(t), server.Socket(), options))
	readers := []*bustest.Reader{
		audit.Subscribe(t, inside, roomy("inside"), false, nil),
		audit.Subscribe(t, attached, roomy("attached", "events.process.+", "events.#"), false, nil),
	}
	client, err := nats.Connect(clientURL(server))
	require.NoError(t, err)
	defer client.Close()

	random := rand.New(rand.NewPCG(seed, 0))
	in := process(topic, 1)
	in.Publisher = uuid.New()
	spoiled := 0
	for spoiled < garbage {
		in.Sequence++
		good, err := in.MarshalMsg(nil)
		require.NoError(t, err)
		if in.Sequence > 1 && random.IntN(2) == 0 {
			spoiled++
			good = spoil(good, random, maxSize)
		}
		require.NoError(t, client.Publish(topic, good))
		if in.Sequence%1000 == 0 {
			require.NoError(t, client.Flush())
			// What other publishers send is not disturbed.
			require.NoError(t, audit.Publish(background(t), attached, attached.Statistics().Publisher, process("events.process.tree", 1)))
		}
	}
	in.Sequence++
	last, err := in.MarshalMsg(nil)
	require.NoError(t, err)
	require.NoError(t, client.Publish(topic, last))
	require.NoError(t, client.Flush())
	// And so does one that says it is a bus.
	id := uuid.New()
	peer, err := nats.Connect(clientURL(server), nats.Name(link.ConnectionName("garbage", id)))
	require.NoError(t, err)
	defer peer.Close()
	for _, subject := range []string{"eventbus.sequences", "eventbus.ask"} {
		for range 100 {
			require.NoError(t, peer.Publish(link.BusPrefix+id.String()+"."+subject, spoil(last, random, maxSize)))
		}
	}
	require.NoError(t, peer.Flush())
	require.NoError(t, attached.Flush(background(t)))
	audit.Sent(in.Publisher, topic, in.Sequence)
	for _, r := range readers {
		account := r.Settle(t)
		t.Log(r.Receiver.ID(), account)
		require.GreaterOrEqual(t, account.Lost, uint64(garbage), "a number whose event cannot be read is an event that was lost")
	}
	for b, want := range map[bus.Bus]uint64{inside: garbage + 200, attached: 0} {
		s := b.Statistics()
		require.Zero(t, s.Overruns)
		require.Equal(t, want, s.Malformed, "it gets no further than the server's process")
	}
	breakTheProtocol(t, server)
	works(t, &audit, attached, readers[0], topic)
	works(t, &audit, inside, readers[1], topic)
	for _, r := range readers {
		r.Settle(t)
	}
}

// breakTheProtocol sends what is not even NATS, and a message beyond what the server takes.
func breakTheProtocol(t *testing.T, server *embed.Server) {
	for _, words := range []string{
		"GET / HTTP/1.1\r\n\r\n",
		strings.Repeat("\xff", 10_000),
		fmt.Sprintf("CONNECT {\"auth_token\":%q}\r\nPUB %s 999999999\r\n", server.Token(), topic),
		fmt.Sprintf("CONNECT {\"auth_token\":%q}\r\nPUB %s 10\r\nabc", server.Token(), topic),
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL(), "nats://"))
		require.NoError(t, err)
		_, err = conn.Write([]byte(words))
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}
