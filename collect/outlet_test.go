package collect_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/localbus"
)

// TestRefusedEvents: an event that the bus refuses is counted and logged now and then, and the collector goes on.
func TestRefusedEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		events := newRecorder()
		var taking atomic.Bool
		events.err = func(bus.Event) error {
			if !taking.Load() {
				return errors.New("no room")
			}
			return nil
		}
		lists := make(chan []collect.Connection, 1)
		list := []collect.Connection{
			collect.MakeConnection("tcp", here, there, "established", 1, 1, 1), collect.MakeConnection("udp", here, "", "", 1, 1, 0),
		}
		lists <- list
		c := collect.NewConnectionsOf(events, &collect.ConnectionOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))},
			func(context.Context) ([]collect.Connection, error) { return <-lists, nil })
		stop := run(t, c)
		synctest.Wait()
		require.Equal(t, 1, strings.Count(log.String(), "no room"), "%s", &log)
		require.Equal(t, collect.Statistics{Scans: 1, Failed: 2}, c.Statistics())

		taking.Store(true)
		lists <- list[:1]
		<-time.After(collect.DefaultConnectionInterval)
		synctest.Wait()
		require.Equal(t, []string{"closed udp/10.0.0.1:1000//1 "}, happened(events.queued(t)))
		require.Equal(t, collect.Statistics{Scans: 2, Events: 1, Failed: 2}, c.Statistics())
		stop()
	})
}

// TestClosedBus: the end of the bus ends the collectors, without an error.
func TestClosedBus(t *testing.T) {
	b, err := localbus.New(nil)
	require.NoError(t, err)
	collectors := []collect.Collector{
		collect.NewProcesses(b, nil), collect.NewConnections(b, nil), collect.NewPerformance(b, &collect.PerformanceOptions{Interval: often}),
		collect.NewFiles(b, []string{t.TempDir()}, nil),
	}
	require.NoError(t, b.Shutdown(t.Context()))
	for _, c := range collectors {
		require.NoError(t, c.Run(t.Context()), c.Name())
	}
}

// TestEndedContext: a collector whose context has ended publishes nothing and returns nil.
func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	events := newRecorder()
	for _, c := range []collect.Collector{
		collect.NewProcesses(events, nil), collect.NewConnections(events, nil), collect.NewPerformance(events, nil),
		collect.NewFiles(events, []string{t.TempDir()}, nil),
	} {
		require.NoError(t, c.Run(ctx), c.Name())
		require.Empty(t, events.events, c.Name())
	}
}

// TestScans: the first failure is returned, later ones are tried again; scans never overlap, and slow ones are logged.
func TestScans(t *testing.T) {
	broken := errors.New("cannot read")
	first := collect.NewConnectionsOf(newRecorder(), nil, func(context.Context) ([]collect.Connection, error) { return nil, broken })
	err := first.Run(t.Context())
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "network")

	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var begun []time.Duration
		start := time.Now()
		c := collect.NewConnectionsOf(newRecorder(), &collect.ConnectionOptions{
			Interval: time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		}, func(context.Context) ([]collect.Connection, error) {
			begun = append(begun, time.Since(start))
			switch len(begun) {
			case 2:
				<-time.After(2500 * time.Millisecond)
			case 4:
				return nil, broken
			}
			return nil, nil
		})
		stop := run(t, c)
		<-time.After(5500 * time.Millisecond)
		stop()
		second := time.Second
		require.Equal(t, []time.Duration{0, second, 3500 * time.Millisecond, 4 * second, 5 * second}, begun)
		require.Contains(t, log.String(), "longer than the interval")
		require.Contains(t, log.String(), "cannot read")
		require.Equal(t, uint64(4), c.Statistics().Scans)
	})
}

// TestPublishedOnABus: every default of a bus takes what the collectors publish.
func TestPublishedOnABus(t *testing.T) {
	b, err := localbus.New(nil)
	require.NoError(t, err)
	receiver, err := b.Subscribe(t.Context(), bus.Subscription{
		ID: "all", Patterns: []string{"events.#"}, QueueCapacity: 100_000, Overflow: bus.DropNewest,
		Events: bus.EventFilter{Metadata: bus.Metadata{collect.Action: collect.ActionExisting}},
	})
	require.NoError(t, err)
	collector := collect.NewProcesses(b, &collect.ProcessOptions{NoHash: true})
	stop := run(t, collector)
	event, err := receiver.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, "process", event.Source)
	require.Equal(t, collect.ActionExisting, action(event))
	stop()
	require.Zero(t, collector.Statistics().Failed)
	require.NotZero(t, collector.Statistics().Events)
	require.NoError(t, b.Unsubscribe(t.Context(), "all"))
	for event, err := range receiver.All(t.Context()) {
		require.NoError(t, err)
		require.Equal(t, collect.ActionExisting, action(event))
	}
	require.NoError(t, b.Shutdown(t.Context()))
}
