package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/bench"
)

// Whatever a system is asked to carry, each reader gets all of it: a worker checks that and fails otherwise.
func TestJobsInsideAProcess(t *testing.T) {
	for _, system := range []string{bench.LocalBus, bench.NATSBus, bench.Channels} {
		r, err := bench.Do(t.Context(), bench.Job{Mode: bench.ModeThroughput, System: system, Subscribers: 3, Others: 2, Events: 5000})
		require.NoError(t, err)
		require.Equal(t, 5000, r.Events)
		require.Positive(t, r.Seconds)
		require.GreaterOrEqual(t, r.Seconds, r.PublishSeconds)
		require.Zero(t, r.Lost)

		r, err = bench.Do(t.Context(), bench.Job{Mode: bench.ModeLatency, System: system, Events: 200, Rate: 10_000})
		require.NoError(t, err)
		require.Positive(t, r.P50)
		require.GreaterOrEqual(t, r.P99, r.P50)
		require.GreaterOrEqual(t, r.Seconds, 0.0199, "as slow as the rate says")

		r, err = bench.Do(t.Context(), bench.Job{Mode: bench.ModeBurst, System: system, Subscribers: 2, Events: 500})
		require.NoError(t, err)
		require.Positive(t, r.Seconds)
	}
}

func TestTheWarmUpFindsTheNumberOfEvents(t *testing.T) {
	r, err := bench.Do(t.Context(), bench.Job{Mode: bench.ModeThroughput, System: bench.Channels, Target: time.Second})
	require.NoError(t, err)
	require.Greater(t, r.Events, bench.FirstProbe, "a second is enough for more than the first try")
}

func TestAPlainClientGetsAllThatItKeepsUpWith(t *testing.T) {
	r, err := bench.Do(t.Context(), bench.Job{Mode: bench.ModeWatched, System: bench.NATSBus, Subscribers: 1, Events: 3000})
	require.NoError(t, err)
	require.Equal(t, 5000, r.Watched, "with the warm-up")
	require.Zero(t, r.Lost)
}

func TestNobodyOutsideCanWatchALocalBus(t *testing.T) {
	_, err := bench.Do(t.Context(), bench.Job{Mode: bench.ModeWatched, System: bench.LocalBus, Events: 10})
	require.ErrorContains(t, err, "no other process can watch it", "what the worker said is in the error")
}

func TestAStuckSubscriberIsMeasured(t *testing.T) {
	r, err := bench.Do(t.Context(), bench.Job{Mode: bench.ModeStuck, System: bench.LocalBus, Events: 20_000})
	require.NoError(t, err)
	require.Positive(t, r.EarlyHeap)
	require.Positive(t, r.LateHeap)
}

// Between two processes nothing is lost, in both directions: at most a window is on its way.
func TestJobsOfTwoProcesses(t *testing.T) {
	for _, system := range []string{bench.NATSBusUnix, bench.NATSBusTCP, bench.PlainNATS} {
		for _, reverse := range []bool{false, true} {
			r, err := bench.Do(t.Context(), bench.Job{Mode: bench.ModePair, System: system, Reverse: reverse, Events: 20_000})
			require.NoError(t, err)
			require.Equal(t, 20_000, r.Events, system)
			require.Zero(t, r.Lost)
			require.Positive(t, r.Seconds)

			r, err = bench.Do(t.Context(), bench.Job{Mode: bench.ModePair, System: system, Reverse: reverse, Events: 200, Rate: 10_000})
			require.NoError(t, err)
			require.Zero(t, r.Lost)
			require.Positive(t, r.P50, system)
			require.GreaterOrEqual(t, r.P99, r.P50)
		}
	}
}

func TestAJobThatCannotBeSaysWhy(t *testing.T) {
	_, err := bench.Do(t.Context(), bench.Job{Mode: bench.ModeThroughput, System: "nobody", Events: 1})
	require.ErrorContains(t, err, `no system "nobody"`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = bench.Do(ctx, bench.Job{Mode: bench.ModeThroughput, System: bench.LocalBus, Events: 1})
	require.ErrorIs(t, err, context.Canceled)
}
