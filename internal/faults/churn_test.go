//go:build unix

package faults_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/natsbus"
)

// TestSubscriptionsComeAndGoUnderLoad makes and ends 1,000 subscriptions with patterns that overlap, on both ends of a server
// and in both directions. Each of them has a balance of its own.
func TestSubscriptionsComeAndGoUnderLoad(t *testing.T) {
	const cycles = 1000
	leavesNothing(t)
	var audit bustest.Audit
	server := startServer(t, &embed.Options{Role: embed.Trusted, Socket: socketPath(t)})
	inside := closing(t)(natsbus.InProcess(background(t), server, nil))
	attached := closing(t)(natsbus.Attach(background(t), server.Socket(), nil))
	patterns := []string{"events.#", "events.*.lifecycle", "events.process.+", "events.process.lifecycle", "events.>", "process"}
	var stable []*bustest.Reader
	var publishers []*publishing
	var published atomic.Uint64
	for _, b := range []bus.Bus{inside, attached} {
		stable = append(stable, audit.Subscribe(t, b, roomy("stable", patterns[2], patterns[4]), false, nil))
	}
	for _, b := range []bus.Bus{inside, attached} {
		publishers = append(publishers, startPublishingWith(&published, &audit, b, []string{topic, "events.process.tree"}, stable...))
	}
	var churn sync.WaitGroup
	for i, b := range []bus.Bus{inside, attached} {
		churn.Go(func() {
			for n := range cycles / 2 {
				id := fmt.Sprintf("churn %d %d", i, n)
				r := audit.Subscribe(t, b, roomy(id, patterns[n%len(patterns)], patterns[(n/2)%len(patterns)]), true, nil)
				if n%10 == 0 {
					delivered(t, r, 20)
				}
				require.NoError(t, b.Unsubscribe(background(t), id))
				<-r.Done()
				account := r.Settle(t)
				require.Zero(t, account.Lost)
				require.Zero(t, account.Dropped)
			}
		})
	}
	churn.Wait()
	for _, p := range publishers {
		p.stop()
	}
	for i, b := range []bus.Bus{inside, attached} {
		require.NoError(t, b.Flush(background(t)))
		require.Equal(t, 1, b.Statistics().ActiveSubscribers, i)
	}
	for _, r := range stable {
		account := r.Settle(t)
		t.Log(r.Receiver.ID(), account)
		for _, b := range []bus.Bus{inside, attached} {
			s := b.Statistics()
			require.Zero(t, s.Unsent, "sent faster than the server took it")
			require.Zero(t, s.Overruns, "came faster than it was decoded")
		}
		require.Equal(t, account.Published, account.Delivered)
	}
}
