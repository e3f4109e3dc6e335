package control_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/subjects"
)

// listen subscribes to a topic of health.
func listen(t testing.TB, b bus.Bus, id, pattern string) bus.Receiver {
	t.Helper()
	r, err := b.Subscribe(t.Context(), bus.Subscription{ID: id, Patterns: []string{pattern}})
	require.NoError(t, err)
	return r
}

// received returns what has come so far.
func received(t testing.TB, r bus.Receiver) (events []*bus.Event) {
	t.Helper()
	for {
		event, err := r.TryNext()
		require.NoError(t, err)
		if event == nil {
			return events
		}
		events = append(events, event)
	}
}

func health(e *bus.Event) *bus.HealthEvent { return e.Payload.(*bus.HealthEvent) }

// bubble runs f with a bus, on a clock that jumps.
func bubble(t *testing.T, f func(t *testing.T, b *localbus.Bus)) {
	synctest.Test(t, func(t *testing.T) {
		b, err := localbus.New(nil)
		require.NoError(t, err)
		defer shutdown(b)
		f(t, b)
	})
}

func TestHeartbeatsComeInIntervalsUntilTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		beats := listen(t, b, "beats", "control.health.heartbeat.+")
		s, err := control.Serve(t.Context(), b, control.Options{ID: "c-1", Heartbeat: 10 * time.Second})
		require.NoError(t, err)
		defer s.Stop()
		synctest.Wait()
		first := received(t, beats)
		require.Len(t, first, 1, "one at once")
		require.Equal(t, "control.health.heartbeat.c-1", first[0].Topic)
		require.Equal(t, "c-1", first[0].Source)
		require.NoError(t, b.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{}}))
		time.Sleep(10*time.Second - 1)
		require.Empty(t, received(t, beats))
		time.Sleep(20*time.Second + 1)
		synctest.Wait()
		three := received(t, beats)
		require.Len(t, three, 3)
		require.Equal(t, &bus.HealthEvent{
			ID: "c-1", Status: bus.HealthHealthy, Interval: 10 * time.Second, Published: 4, Timestamp: time.Now(),
		}, health(three[2]), "the fourth heartbeat counts what was published before it")

		// Another interval counts from now on.
		require.NoError(t, s.SetHeartbeat(time.Second))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Len(t, received(t, beats), 3)

		// Without heartbeats, a last one says so.
		require.NoError(t, s.SetHeartbeat(0))
		time.Sleep(time.Hour)
		last := received(t, beats)
		require.Len(t, last, 1)
		require.Zero(t, health(last[0]).Interval)
		require.NoError(t, s.SetHeartbeat(time.Minute))
		synctest.Wait()
		require.Len(t, received(t, beats), 1)

		s.Stop()
		end := received(t, beats)
		require.Len(t, end, 1)
		require.Equal(t, bus.HealthStopping, health(end[0]).Status)
		time.Sleep(time.Hour)
		require.Empty(t, received(t, beats))
	})
}

func TestADegradedComponentSaysSoInItsHeartbeats(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		beats := listen(t, b, "beats", "control.health.heartbeat.+")
		s, err := control.Serve(t.Context(), b, control.Options{ID: "c-1", Heartbeat: time.Second, Reasons: func() []string { return []string{"broken"} }})
		require.NoError(t, err)
		defer s.Stop()
		synctest.Wait()
		require.Equal(t, bus.HealthDegraded, health(received(t, beats)[0]).Status)
	})
}

// beat publishes the heartbeat of another component.
func beat(t *testing.T, b bus.Bus, id string, interval time.Duration, status bus.Health) {
	t.Helper()
	require.NoError(t, b.Publish(t.Context(), bus.Event{
		Topic: subjects.ControlHealthHeartbeat + "." + id, Source: id, Payload: &bus.HealthEvent{ID: id, Status: status, Interval: interval, Published: 9},
	}))
	synctest.Wait()
}

func peers(t *testing.T, b bus.Bus, id string) control.StatusReport {
	t.Helper()
	status, err := control.Status(t.Context(), b, id)
	require.NoError(t, err)
	return status
}

func TestAHeartbeatThatStopsIsReportedOnceAndItsReturnToo(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		var log text
		changes := listen(t, b, "changes", subjects.ControlHealthStatus)
		watcher, err := control.Serve(t.Context(), b, control.Options{ID: "w", Logger: logger(&log)})
		require.NoError(t, err)
		defer watcher.Stop()
		beat(t, b, "c-1", 10*time.Second, bus.HealthDegraded)
		heard := time.Now().UTC()
		require.Equal(t, []control.Peer{{ID: "c-1", Health: bus.HealthDegraded, LastHeard: heard, Interval: 10 * time.Second, Published: 9}}, peers(t, b, "w").Peers)

		time.Sleep(30*time.Second - 1)
		synctest.Wait()
		require.Empty(t, received(t, changes))
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		missing := received(t, changes)
		require.Len(t, missing, 1)
		require.Equal(t, "w", missing[0].Source)
		require.Equal(t, &bus.HealthEvent{ID: "c-1", Status: bus.HealthMissing, Interval: 10 * time.Second, Published: 9, Timestamp: time.Now()}, health(missing[0]))
		require.Equal(t, bus.HealthMissing, peers(t, b, "w").Peers[0].Health)
		require.Equal(t, heard, peers(t, b, "w").Peers[0].LastHeard)
		require.Equal(t, 1, strings.Count(log.String(), "level=WARN msg=\"the heartbeats of a component have stopped\" id=c-1 interval=10s\n"))

		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, received(t, changes), "it is reported once")
		beat(t, b, "c-1", 10*time.Second, bus.HealthHealthy)
		back := received(t, changes)
		require.Len(t, back, 1)
		require.Equal(t, bus.HealthHealthy, health(back[0]).Status)
		require.Equal(t, 1, strings.Count(log.String(), "level=INFO msg=\"the heartbeats of a component are back\" id=c-1 after=1h0m30s\n"))
		time.Sleep(30 * time.Second)
		synctest.Wait()
		require.Len(t, received(t, changes), 1, "and missed again")
		require.Equal(t, 3, strings.Count(log.String(), "\n"))
	})
}

func TestWhoEndsOrPromisesNoHeartbeatIsNotMissed(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		changes := listen(t, b, "changes", subjects.ControlHealthStatus)
		watcher, err := control.Serve(t.Context(), b, control.Options{ID: "w"})
		require.NoError(t, err)
		defer watcher.Stop()
		other, err := control.Serve(t.Context(), b, control.Options{ID: "c-1", Heartbeat: time.Second})
		require.NoError(t, err)
		quiet, err := control.Serve(t.Context(), b, control.Options{ID: "c-2", Heartbeat: time.Second})
		require.NoError(t, err)
		defer quiet.Stop()
		time.Sleep(time.Minute)
		other.Stopping()
		synctest.Wait()
		require.Equal(t, bus.HealthStopping, peers(t, b, "w").Peers[0].Health, "at once, not with its next heartbeat")
		other.Stop()
		require.NoError(t, quiet.SetHeartbeat(0))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, received(t, changes))
		require.Equal(t, []bus.Health{bus.HealthStopping, bus.HealthHealthy}, []bus.Health{peers(t, b, "w").Peers[0].Health, peers(t, b, "w").Peers[1].Health})
	})
}

// TestHeartbeatsInAnothersName are those whose id is not that of their topic.
func TestHeartbeatsInAnothersName(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		watcher, err := control.Serve(t.Context(), b, control.Options{ID: "w"})
		require.NoError(t, err)
		defer watcher.Stop()
		for _, id := range []string{"c-2", "C", "a.b", "#", strings.Repeat("c", 65)} {
			require.NoError(t, b.Publish(t.Context(), bus.Event{
				Topic: "control.health.heartbeat.c-1", Payload: &bus.HealthEvent{ID: id, Status: bus.HealthHealthy, Interval: time.Second},
			}))
		}
		beat(t, b, strings.Repeat("c", 65), time.Second, bus.HealthHealthy)
		beat(t, b, "w", time.Second, bus.HealthHealthy)
		beat(t, b, "c-3", time.Second, bus.HealthMissing)
		require.Empty(t, peers(t, b, "w").Peers)
	})
}

func TestPeersAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		watcher, err := control.Serve(t.Context(), b, control.Options{ID: "w"})
		require.NoError(t, err)
		defer watcher.Stop()
		for i := range control.MaxPeers + 3 {
			beat(t, b, fmt.Sprintf("c-%03d", i), time.Hour, bus.HealthHealthy)
			time.Sleep(time.Millisecond)
		}
		status := peers(t, b, "w")
		require.Len(t, status.Peers, control.MaxPeers)
		require.Equal(t, "c-003", status.Peers[0].ID, "the ones not heard for longest are forgotten")
		require.Equal(t, uint64(3), status.PeersForgotten)

		small, err := control.Serve(t.Context(), b, control.Options{ID: "small", MaxAnswer: 4 << 10})
		require.NoError(t, err)
		defer small.Stop()
		for i := range control.MaxPeers {
			beat(t, b, fmt.Sprintf("c-%03d", i), time.Hour, bus.HealthHealthy)
		}
		status = peers(t, b, "small")
		require.Greater(t, len(status.Peers), 5)
		require.Equal(t, control.MaxPeers, len(status.Peers)+status.PeersOmitted)
	})
}

// TestAStuckSubscriberHoldsUpNoHeartbeatForLong has one that blocks on control.#.
func TestAStuckSubscriberHoldsUpNoHeartbeatForLong(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		_, err := b.Subscribe(t.Context(), bus.Subscription{ID: "stuck", Patterns: []string{"control.#"}, QueueCapacity: 1, Overflow: bus.Block})
		require.NoError(t, err)
		beats := listen(t, b, "beats", "control.health.heartbeat.+")
		s, err := control.Serve(t.Context(), b, control.Options{ID: "c-1", Heartbeat: 10 * time.Second})
		require.NoError(t, err)
		defer s.Stop()
		time.Sleep(time.Minute)
		require.GreaterOrEqual(t, len(received(t, beats)), 6)
	})
}

func TestTheOwnIDUsedByAnotherProcessIsNoticed(t *testing.T) {
	server := startServer(t)
	first, second := attach(t, server), attach(t, server)
	var log text
	serve(t, first, control.Options{ID: "c-1", Logger: logger(&log)})
	serve(t, second, control.Options{ID: "c-1", Heartbeat: 100 * time.Millisecond})
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "another process has the id of this one") }, patience, time.Millisecond)
	require.Contains(t, log.String(), "publisher="+second.Statistics().Publisher.String())
	require.Empty(t, peers(t, first, "").Peers)
}
