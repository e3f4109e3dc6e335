package bench_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/bench"
)

func TestMedianAndQuartiles(t *testing.T) {
	for _, c := range []struct {
		values            []float64
		median, low, high float64
	}{
		{[]float64{7}, 7, 7, 7},
		{[]float64{3, 1}, 2, 1.5, 2.5},
		{[]float64{5, 1, 3, 2, 4}, 3, 2, 4},
		{[]float64{1, 1, 1, 1, 1000}, 1, 1, 1},
	} {
		s := bench.Summarize(c.values)
		require.Equal(t, bench.Summary{Median: c.median, Low: c.low, High: c.high}, s)
		require.Equal(t, c.high-c.low, s.Spread())
	}
	require.True(t, math.IsNaN(bench.Summarize(nil).Median))
}

// A machine that gets three times as slow in the middle changes each number, and no ratio.
func TestRatiosAreTakenRoundByRound(t *testing.T) {
	subject, base := []float64{90, 30, 90}, []float64{100, 100.0 / 3, 100}
	require.InDeltaSlice(t, []float64{0.9, 0.9, 0.9}, bench.Ratios(subject, base), 1e-9)
	require.Empty(t, bench.Ratios([]float64{1}, []float64{0}), "nothing can be compared with nothing")
}

func TestPercentiles(t *testing.T) {
	times := make([]int64, 1000)
	for i := range times {
		times[i] = int64(len(times) - i)
	}
	p50, p99 := bench.Percentiles(times)
	require.Equal(t, int64(501), p50)
	require.Equal(t, int64(991), p99)
}
