package bench

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// latencyWarmUp is how many events at the beginning of a measurement of latency do not count: the runtime of a process that was idle
// looks after threads that are in a system call only every ten milliseconds, and needs a moment to become attentive.
const latencyWarmUp = 500

// stopwatch measures one way, by where an event is in the pool.
type stopwatch struct {
	base  time.Time
	sent  [poolSize]atomic.Int64 // nanoseconds since base
	times []int64
}

func newStopwatch() *stopwatch { return &stopwatch{base: time.Now()} }

func (s *stopwatch) start(index int) { s.sent[index].Store(int64(time.Since(s.base))) }

func (s *stopwatch) stop(index int) {
	s.times = append(s.times, int64(time.Since(s.base))-s.sent[index].Load())
}

// latency publishes at the job's rate.
func (r *run) latency(ctx context.Context, j job) (result, error) {
	n := j.Events
	if n == 0 {
		n = max(int(j.Target.Seconds()*float64(j.Rate)), 10*latencyWarmUp)
	}
	n += latencyWarmUp
	for _, reader := range r.readers {
		reader.clock.times = make([]int64, 0, n)
	}
	cpu := cpuTime()
	total, err := r.paced(ctx, n, j.Rate)
	if err != nil {
		return result{}, err
	}
	out := result{Events: n, Seconds: total.Seconds(), CPUSeconds: (cpuTime() - cpu).Seconds()}
	var all []int64
	for _, reader := range r.readers {
		all = append(all, warm(reader.clock.times)...)
	}
	out.P50, out.P99 = percentiles(all)
	return out, nil
}

// paced is [run.phase] at a rate.
func (r *run) paced(ctx context.Context, n, rate int) (time.Duration, error) {
	r.begin(n)
	start := time.Now()
	pace := newPace(rate, n)
	defer pace.stop()
	for i := range n {
		pace.wait()
		event := r.pool.At(r.next + i)
		for _, reader := range r.readers {
			reader.clock.start(Index(event))
		}
		if err := r.link.Publish(ctx, event); err != nil {
			return 0, fmt.Errorf("publish: %w", err)
		}
	}
	err := r.await(ctx)
	total := time.Since(start)
	return total, r.end(n, err)
}

// warm returns the times that count.
func warm(times []int64) []int64 { return times[min(latencyWarmUp, len(times)):] }

// percentiles sorts the times and returns the 50th and the 99th percentile, zeros if there is none.
func percentiles(times []int64) (p50, p99 int64) {
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	return times[len(times)/2], times[len(times)*99/100]
}
