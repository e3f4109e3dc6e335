package control_test

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/subjects"
)

// heldUp is a publisher that holds up who publishes, as a process is that was stopped or whose host was suspended.
type heldUp struct{ time.Duration }

func (h heldUp) Publish(context.Context, bus.Event) error {
	time.Sleep(h.Duration)
	return nil
}

// TestWhoWasHeldUpMissesNobody: the heartbeats that came meanwhile wait to be heard.
func TestWhoWasHeldUpMissesNobody(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		var log text
		watcher, err := control.Serve(t.Context(), b, control.Options{ID: "w", Logger: logger(&log), Publisher: heldUp{time.Minute}})
		require.NoError(t, err)
		defer watcher.Stop()
		beat(t, b, "dead", time.Second, bus.HealthHealthy)
		for range 70 { // in the fourth second it begins to report the first one
			beat(t, b, "c-1", time.Second, bus.HealthHealthy)
			beat(t, b, "c-2", time.Second, bus.HealthHealthy)
			time.Sleep(time.Second)
		}
		require.Contains(t, log.String(), "have stopped\" id=dead")
		require.NotContains(t, log.String(), "have stopped\" id=c-")
		time.Sleep(3 * time.Minute)
		require.Contains(t, log.String(), "have stopped\" id=c-1", "now it has ended")
		require.Contains(t, log.String(), "have stopped\" id=c-2")
	})
}

// TestASetClockMakesNobodyMissing: the time since a heartbeat is taken from the monotonic clock, which a Time has if its text says so.
func TestASetClockMakesNobodyMissing(t *testing.T) {
	b, err := localbus.New(nil)
	require.NoError(t, err)
	defer shutdown(b)
	watcher := serve(t, b, control.Options{ID: "w"})
	require.NoError(t, b.Publish(t.Context(), bus.Event{
		Topic: "control.health.heartbeat.c-1", Source: "c-1", Payload: &bus.HealthEvent{ID: "c-1", Status: bus.HealthHealthy, Interval: time.Hour},
	}))
	require.Eventually(t, func() bool {
		status, err := control.Status(t.Context(), b, "w")
		return err == nil && len(status.Peers) == 1
	}, patience, time.Millisecond)
	watcher.Stop() // so that nothing else looks at it
	require.Contains(t, control.Due(watcher).String(), " m=")
}

// TestAVeryLongIntervalIsLong, although three of them are no time.Duration.
func TestAVeryLongIntervalIsLong(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		var log text
		watcher, err := control.Serve(t.Context(), b, control.Options{ID: "w", Logger: logger(&log)})
		require.NoError(t, err)
		defer watcher.Stop()
		beat(t, b, "c-1", math.MaxInt64, bus.HealthHealthy)
		beat(t, b, "c-2", math.MaxInt64/2, bus.HealthHealthy)
		time.Sleep(time.Hour)
		require.Empty(t, log.String())
	})
}

// TestHeartbeatsThatComeAndGoDoNotFillTheLog, whoever makes them do so; the events still say all.
func TestHeartbeatsThatComeAndGoDoNotFillTheLog(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		var log text
		changes := listen(t, b, "changes", subjects.ControlHealthStatus)
		watcher, err := control.Serve(t.Context(), b, control.Options{ID: "w", Logger: logger(&log)})
		require.NoError(t, err)
		defer watcher.Stop()
		const cycles, start = 2000, 2 * control.MaxPeers
		reported := 0
		for range cycles {
			beat(t, b, "c-1", control.MinHeartbeat, bus.HealthHealthy)
			time.Sleep(4 * control.MinHeartbeat)
			synctest.Wait()
			reported += len(received(t, changes))
		}
		require.Equal(t, 2*cycles-1, reported)
		require.InDelta(t, start+cycles*(4*control.MinHeartbeat).Seconds(), strings.Count(log.String(), "\n"), 2)
	})
}

// away is a bus whose server can be away.
type away struct {
	*localbus.Bus
	gone       atomic.Bool
	reconnects atomic.Uint64
}

func (a *away) Statistics() bus.Statistics {
	statistics := a.Bus.Statistics()
	statistics.Connected, statistics.Reconnects = !a.gone.Load(), a.reconnects.Load()
	return statistics
}

// TestWithoutAServerNobodyIsMissed, and when it is back, everybody has the time for a heartbeat.
func TestWithoutAServerNobodyIsMissed(t *testing.T) {
	bubble(t, func(t *testing.T, b *localbus.Bus) {
		var log text
		a := &away{Bus: b}
		watcher, err := control.Serve(t.Context(), a, control.Options{ID: "w", Logger: logger(&log)})
		require.NoError(t, err)
		defer watcher.Stop()
		beat(t, b, "c-1", time.Second, bus.HealthHealthy)
		a.gone.Store(true)
		time.Sleep(time.Minute + time.Second)
		a.gone.Store(false)
		a.reconnects.Add(1)
		time.Sleep(2 * time.Second)
		require.Empty(t, log.String())
		beat(t, b, "c-1", time.Second, bus.HealthHealthy)
		require.Empty(t, log.String())
		time.Sleep(time.Minute)
		require.Contains(t, log.String(), "have stopped\" id=c-1")
	})
}

// TestManyWithTheSameIDAreNotLoggedForEver: two others, who alternate.
func TestManyWithTheSameIDAreNotLoggedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := localbus.New(nil)
		require.NoError(t, err)
		defer shutdown(b)
		// Buses of other processes are other publishers.
		r := &renamed{Bus: b}
		var log text
		s, err := control.Serve(t.Context(), r, control.Options{ID: "c-1", Logger: logger(&log)})
		require.NoError(t, err)
		defer s.Stop()
		for range 300 {
			beat(t, b, "c-1", time.Second, bus.HealthHealthy)
			time.Sleep(time.Second)
		}
		require.LessOrEqual(t, strings.Count(log.String(), "another process has the id of this one"), 6)
		require.Positive(t, strings.Count(log.String(), "another process has the id of this one"))
	})
}

// renamed has the events of another publisher each.
type renamed struct{ *localbus.Bus }

func (r *renamed) Subscribe(ctx context.Context, s bus.Subscription) (bus.Receiver, error) {
	receiver, err := r.Bus.Subscribe(ctx, s)
	if err != nil || s.Patterns[0] != subjects.ControlHealthHeartbeat+".+" {
		return receiver, err
	}
	return &renamedReceiver{receiver}, nil
}

type renamedReceiver struct{ bus.Receiver }

func (r *renamedReceiver) Next(ctx context.Context) (*bus.Event, error) {
	event, err := r.Receiver.Next(ctx)
	if err != nil {
		return nil, err
	}
	other := *event
	other.Publisher = uuid.New()
	return &other, nil
}
