//go:build unix

package faults_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/bus/bustest"
	"github.com/daemoneye/eventbus/internal/natsprocess"
	"github.com/daemoneye/eventbus/natsbus"
)

// failover bounds how long a bus may take to another node of a cluster, until events flow again. It takes a tenth of a second.
const failover = 10 * time.Second

func startCluster(t testing.TB) *natsprocess.Cluster {
	t.Helper()
	return natsprocess.StartCluster(t, "../../testdata/nats/node.conf")
}

func joinCluster(t testing.TB, c *natsprocess.Cluster, credentials string) *natsbus.Bus {
	t.Helper()
	return closing(t)(natsbus.Connect(background(t), c.URL(t), &natsbus.Options{Credentials: credentials, TLS: natsbus.TLS{CAFile: c.CAFile}}))
}

// steady publishes an event on each topic every millisecond until it is stopped.
type steady struct {
	refused atomic.Uint64 // events that Publish returned an error for
	slowest atomic.Int64  // the longest that Publish took
	quit    chan struct{}
	done    sync.WaitGroup
}

func startSteady(audit *bustest.Audit, b bus.Bus, topics ...string) *steady {
	s := &steady{quit: make(chan struct{})}
	id := b.Statistics().Publisher
	s.done.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			for _, topic := range topics {
				begun := time.Now()
				if audit.Publish(context.Background(), b, id, process(topic, 1)) != nil {
					s.refused.Add(1)
				}
				s.slowest.Store(max(s.slowest.Load(), int64(time.Since(begun))))
			}
			select {
			case <-tick.C:
			case <-s.quit:
				return
			}
		}
	})
	return s
}

func (s *steady) stop() {
	close(s.quit)
	s.done.Wait()
}

// TestNodeOfAClusterKilled kills the node that a bus is connected to. It goes on with another one by itself, and what is missing is
// told.
func TestNodeOfAClusterKilled(t *testing.T) {
	for _, side := range []string{"publisher", "subscriber"} {
		t.Run(side, func(t *testing.T) { nodeKilled(t, side) })
	}
}

func nodeKilled(t *testing.T, side string) {
	leavesNothing(t)
	var audit bustest.Audit
	cluster := startCluster(t)
	publisher := joinCluster(t, cluster, cluster.Collector)
	subscribers := []*natsbus.Bus{joinCluster(t, cluster, cluster.Observer), joinCluster(t, cluster, cluster.Observer)}
	victim := publisher
	if side == "subscriber" {
		victim = subscribers[0]
	}
	var readers []*bustest.Reader
	for i, s := range subscribers {
		readers = append(readers, audit.Subscribe(t, s, roomy([]string{"one", "two"}[i], "events.process.+", "events.#"), false, nil))
	}
	// A node knows of a subscription at another one some time after Subscribe has returned. Each bus is a queue group.
	near := cluster.Of(t, publisher.Statistics().Publisher.String())
	require.Eventually(t, func() bool {
		return near.Groups(t, "events.process.*") == len(subscribers) && near.Groups(t, "events.>") == len(subscribers)
	}, patience, step)
	events := startSteady(&audit, publisher, topic, "events.process.tree", "events.network.dns")
	for _, r := range readers {
		delivered(t, r, 500)
	}
	node := cluster.Of(t, victim.Statistics().Publisher.String())
	killed := time.Now()
	node.Kill()
	require.Eventually(t, func() bool { s := victim.Statistics(); return s.Connected && s.Reconnects > 0 }, failover, time.Millisecond)
	for _, r := range readers {
		delivered(t, r, 500)
	}
	took := time.Since(killed)
	require.Less(t, took, failover)
	events.stop()
	// What was written to a connection that had broken, and that no Publish waited for, is told by the next Flush.
	told := publisher.Flush(background(t))
	if told != nil {
		require.ErrorIs(t, told, bus.ErrUndelivered)
		require.NoError(t, publisher.Flush(background(t)))
	}
	for _, r := range readers {
		t.Log(r.Receiver.ID(), r.Settle(t))
	}
	t.Logf("events flow again after %v; Publish took %v at most and returned %d errors, Flush %v; unsent %d", took.Round(time.Millisecond),
		time.Duration(events.slowest.Load()).Round(time.Microsecond), events.refused.Load(), told, publisher.Statistics().Unsent)
	require.Equal(t, publisher.Statistics().Unsent > 0, events.refused.Load() > 0 || told != nil, "what was not sent was told")
	for _, r := range readers {
		works(t, &audit, publisher, r, topic)
		r.Settle(t)
	}
	for _, b := range append(subscribers, publisher) {
		shut(t, b)
	}
}

// TestWhoGetsIntoACluster has those who do not.
func TestWhoGetsIntoACluster(t *testing.T) {
	leavesNothing(t)
	cluster := startCluster(t)
	stranger, _ := natsprocess.NewSeed(t)
	trusted := natsbus.TLS{CAFile: cluster.CAFile}
	for name, c := range map[string]struct {
		options natsbus.Options
		err     error
		says    string
	}{
		"no credentials":           {natsbus.Options{TLS: trusted}, nats.ErrAuthorization, " without a credential: "},
		"another key":              {natsbus.Options{TLS: trusted, Credentials: stranger}, nats.ErrAuthorization, " with the credential " + stranger + ": "},
		"another authority":        {natsbus.Options{TLS: natsbus.TLS{CAFile: natsprocess.NewAuthority(t).File}, Credentials: cluster.Collector}, nil, "certificate"},
		"the system's authorities": {natsbus.Options{Credentials: cluster.Collector}, nil, "certificate"},
	} {
		b, err := natsbus.Connect(background(t), cluster.URL(t), &c.options)
		require.Nil(t, b, name)
		require.Error(t, err, name)
		require.ErrorContains(t, err, c.says, name)
		if c.err != nil {
			require.ErrorIs(t, err, c.err, name)
		}
	}
	// Who is in may do what the servers say, and not more.
	observer := joinCluster(t, cluster, cluster.Observer)
	collector := joinCluster(t, cluster, cluster.Collector)
	reader, err := observer.Subscribe(background(t), bus.Subscription{ID: "reader", Patterns: []string{"events.#"}})
	require.NoError(t, err)
	require.NoError(t, observer.Publish(background(t), process(topic, 1)))
	require.NoError(t, observer.Flush(background(t)))
	own, err := reader.Next(background(t))
	require.NoError(t, err)
	require.Equal(t, observer.Statistics().Publisher, own.Publisher, "who is in the same process gets it")
	for all := background(t); ; { // the other node may not know of the subscription yet
		require.NoError(t, collector.Publish(all, process(topic, 2)))
		ctx, cancel := context.WithTimeout(context.Background(), step)
		event, err := reader.Next(ctx)
		cancel()
		if err == nil {
			pid, _ := event.PID()
			require.Equal(t, uint32(2), pid)
			break
		}
	}
	shut(t, observer)
	shut(t, collector)
}
