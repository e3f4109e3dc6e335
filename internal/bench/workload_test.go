package bench_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/bench"
)

func TestTheEventsAreFilledAndDifferent(t *testing.T) {
	pool := bench.NewPool()
	seen := make(map[string]bool)
	for i, e := range pool {
		require.NoError(t, e.Validate())
		require.Equal(t, i, bench.Index(e))
		require.Len(t, e.CommandLine, 2)
		for _, text := range []string{e.Name, e.ExecutablePath, e.ExecutableHash, e.StartTime.String()} {
			require.NotEmpty(t, text)
			require.False(t, seen[text], text)
			seen[text] = true
		}
		require.NotEmpty(t, e.HashAlgorithm)
		require.NotEmpty(t, e.UserID)
		require.NotNil(t, e.PPID)
		require.NotNil(t, e.CPUUsage)
		require.NotNil(t, e.MemoryUsage)
	}
	require.Equal(t, pool, bench.NewPool(), "every process has the same")
}

func TestTheSumOfAnyStretchIsKnown(t *testing.T) {
	pool := bench.NewPool()
	for _, c := range []struct{ first, n int }{{0, 0}, {0, 1}, {4095, 2}, {17, 4096}, {3, 20_000}} {
		want := uint64(0)
		for i := range c.n {
			want += uint64(pool.At(c.first + i).PID)
		}
		require.Equal(t, want, pool.Sum(c.first, c.n), c)
	}
}

// The opaque payloads are the events as natsbus sends them, so they are as long.
func TestOpaquePayloadsAreAsLongAsTheEvents(t *testing.T) {
	pool := bench.NewPool()
	payloads, topic, err := bench.WireForms(t.Context(), pool)
	require.NoError(t, err)
	require.Equal(t, "events.process.lifecycle", topic)
	require.Len(t, payloads, len(pool))
	for _, i := range []int{0, 2048, 4095} {
		var event bus.Event
		rest, err := event.UnmarshalMsg(slices.Clone(payloads[i]))
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, pool[i].PID, event.Payload.(*bus.ProcessEvent).PID)
		require.NotZero(t, event.Sequence)
	}
}
