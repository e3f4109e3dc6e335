package bench

import (
	"math"
	"slices"
)

// Summary is what remains of one number's rounds.
type Summary struct {
	// Median is the middle one, or the mean of the two in the middle.
	Median float64
	// Low and High are the quartiles: half of the rounds lie between them.
	Low, High float64
}

// Spread is the distance between the quartiles.
func (s Summary) Spread() float64 { return s.High - s.Low }

// summarize sorts the values. Without any, all is NaN.
func summarize(values []float64) Summary {
	slices.Sort(values)
	return Summary{Median: quantile(values, 0.5), Low: quantile(values, 0.25), High: quantile(values, 0.75)}
}

// quantile interpolates between the sorted values.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	position := q * float64(len(sorted)-1)
	below := int(position)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (sorted[above]-sorted[below])*(position-float64(below))
}

// ratios divides round by round.
func ratios(subject, base []float64) []float64 {
	out := make([]float64, 0, len(subject))
	for i := range min(len(subject), len(base)) {
		if base[i] != 0 {
			out = append(out, subject[i]/base[i])
		}
	}
	return out
}
