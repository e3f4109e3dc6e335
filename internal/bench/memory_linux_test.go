package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/bench"
)

func TestResidentSizesAreReadFromTheKernel(t *testing.T) {
	now, peak := bench.ParseStatus([]byte("Name:\teventbus\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t7\n"))
	require.Equal(t, uint64(10<<20), now)
	require.Equal(t, uint64(20<<20), peak)
	now, peak = bench.ParseStatus([]byte("State: Z"))
	require.Zero(t, now)
	require.Zero(t, peak)
}
