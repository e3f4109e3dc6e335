package embed_test

import (
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// BenchmarkTransport is the way of a message from one connection to another through the server.
func BenchmarkTransport(b *testing.B) {
	server := start(b, nil, withListener)
	for _, way := range []struct {
		name       string
		publisher  func() *nats.Conn
		subscriber func() *nats.Conn
		prefix     string
	}{
		{"bus_to_socket", func() *nats.Conn { return connectBus(b, server) }, func() *nats.Conn { return connectSocket(b, server) }, ""},
		{"socket_to_bus", func() *nats.Conn { return connectSocket(b, server) }, func() *nats.Conn { return connectBus(b, server) }, "in."},
		{"socket_to_socket", func() *nats.Conn { return connectSocket(b, server) }, func() *nats.Conn { return connectSocket(b, server) }, ""},
		{"loopback_to_loopback", func() *nats.Conn { return connectLoopback(b, server) }, func() *nats.Conn { return connectLoopback(b, server) }, ""},
	} {
		b.Run(way.name+"/size=434", func(b *testing.B) {
			publisher, subscriber := way.publisher(), way.subscriber()
			var got atomic.Int64
			done := make(chan struct{}, 1)
			const window = 20_000
			_, err := subscriber.Subscribe(way.prefix+"events.process.lifecycle", func(*nats.Msg) {
				if got.Add(1)%window == 0 {
					done <- struct{}{}
				}
			})
			require.NoError(b, err)
			require.NoError(b, subscriber.Flush())
			payload := make([]byte, 434)
			sent := 0
			for b.Loop() {
				for range window {
					if err := publisher.Publish("events.process.lifecycle", payload); err != nil {
						b.Fatal(err)
					}
				}
				require.NoError(b, publisher.Flush())
				<-done
				sent += window
			}
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "events/s")
			publisher.Close()
			subscriber.Close()
		})
	}
}
