package bench

// For tests.
var (
	Summarize   = summarize
	Ratios      = ratios
	Percentiles = percentiles
)

// Job and Result are what a worker gets and gives.
type (
	Job    = job
	Result = result
)

// Do does a job in a process of its own.
var Do = do

// The modes, for tests.
const (
	ModeThroughput = modeThroughput
	ModeLatency    = modeLatency
	ModeBurst      = modeBurst
	ModeWatched    = modeWatched
	ModeStuck      = modeStuck
	ModePair       = modePair
)

// Sum is [Pool.sum].
func (p Pool) Sum(first, n int) uint64 { return p.sum(first, n) }

// WireForms is wireForms.
var WireForms = wireForms

// NewCell returns a cell of two numbers and their ratio.
func NewCell(row, name, group string, subject, base []float64, goal float64) Cell {
	results := make(map[job][]result)
	of := func(system string, values []float64) job {
		j := job{System: system}
		for _, v := range values {
			results[j] = append(results[j], result{Seconds: 1, Events: int(v)})
		}
		return j
	}
	l := line{row: row, name: name, unit: perSecond, direction: atLeast, goal: goal, chart: chartInside, group: group}
	l.subject, l.base, l.subjectMetric, l.baseMetric = of("subject", subject), of("base", base), throughput, throughput
	return l.cell(results)
}

// FirstProbe is firstProbe, for the tests.
const FirstProbe = firstProbe
