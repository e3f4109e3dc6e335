package embed_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAloneUntilSomebodyConnects(t *testing.T) {
	server := start(t, nil, withListener)
	connectBus(t, server)
	require.True(t, server.Alone(), "the bus of this process is nobody else")
	for range 3 {
		one, two := connectSocket(t, server), connectLoopback(t, server)
		require.False(t, server.Alone())
		one.Close()
		require.Eventually(t, func() bool { return server.Clients() == 1 }, patience, time.Millisecond)
		require.False(t, server.Alone(), "one is left")
		two.Close()
		require.Eventually(t, server.Alone, patience, time.Millisecond)
	}
}

// TestWhoComesIsNeverOverlooked lets clients come and go: each of them has an interest that is seen as soon as its subscription is
// acknowledged.
func TestWhoComesIsNeverOverlooked(t *testing.T) {
	server := start(t, nil)
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			for n := range 50 {
				client := connectSocket(t, server)
				subject := fmt.Sprintf("events.process.c%d-%d", i, n)
				subscribe(t, client, subject)
				if server.Alone() || server.Interest(subject) == 0 {
					t.Error("overlooked", subject)
				}
				client.Close()
			}
		})
	}
	clients.Wait()
	require.Eventually(t, server.Alone, patience, time.Millisecond)
}
