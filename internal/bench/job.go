package bench

import (
	"fmt"
	"math"
	"time"
)

// mode is a way to measure.
type mode string

const (
	modeThroughput mode = "throughput" // as fast as possible
	modeLatency    mode = "latency"    // at a rate that loads nothing
	modeBurst      mode = "burst"      // the same number of events again and again
	modeWatched    mode = "watched"    // throughput, while a plain NATS client in another process gets everything
	modeStuck      mode = "stuck"      // memory while a subscriber is stuck
	modePair       mode = "pair"       // two processes
	modeOther      mode = "other"      // the other one of them
	modeWatcher    mode = "watcher"    // the plain NATS client
)

// job is a measurement. It is what a worker reads on standard input. Equal jobs are measured once a round.
type job struct {
	Mode   mode   `json:"mode"`
	System string `json:"system"`
	// Subscribers is the number of readers inside the process.
	Subscribers int `json:"subscribers,omitempty"`
	// Others is [Setup.Others].
	Others int `json:"others,omitempty"`
	// Events is how many are published; 0 is as many as take Target.
	Events int `json:"events,omitempty"`
	// Rate is events per second; 0 is as fast as possible.
	Rate int `json:"rate,omitempty"`
	// Reverse lets the process without the server publish.
	Reverse bool `json:"reverse,omitempty"`
	// Target is how long the measured part should take, in nanoseconds.
	Target time.Duration `json:"target"`
	// Address is where the other process finds the first one.
	Address string `json:"address,omitempty"`
}

// String says what is measured, for progress and errors.
func (j job) String() string {
	text := fmt.Sprintf("%s of %s", j.Mode, j.System)
	if j.Subscribers > 0 {
		text += fmt.Sprintf(", subscribers=%d", j.Subscribers)
	}
	if j.Others > 0 {
		text += fmt.Sprintf(", others=%d", j.Others)
	}
	if j.Events > 0 {
		text += fmt.Sprintf(", events=%d", j.Events)
	}
	if j.Rate > 0 {
		text += fmt.Sprintf(", rate=%d/s", j.Rate)
	}
	if j.Reverse {
		text += ", reverse"
	}
	return text
}

// result is what a worker writes on standard output.
type result struct {
	// Events is how many the measured part has published.
	Events int `json:"events"`
	// Seconds is from the first publish until the last reader has the last event, PublishSeconds until the last Publish returned.
	Seconds        float64 `json:"seconds"`
	PublishSeconds float64 `json:"publish_seconds,omitempty"`
	// CPUSeconds is the processor time, user and system, of all processes that take part.
	CPUSeconds float64 `json:"cpu_seconds,omitempty"`
	// P50 and P99 are one-way latencies in nanoseconds, from before Publish until an event is read.
	P50 int64 `json:"p50_ns,omitempty"`
	P99 int64 `json:"p99_ns,omitempty"`
	// BareRSS, IdleRSS and PeakRSS are resident sizes in bytes: before anything is opened, with readers that wait, at the most.
	BareRSS uint64 `json:"bare_rss,omitempty"`
	IdleRSS uint64 `json:"idle_rss,omitempty"`
	PeakRSS uint64 `json:"peak_rss,omitempty"`
	// Mallocs is the number of heap objects that were allocated in the measured part, in the first process.
	Mallocs uint64 `json:"mallocs,omitempty"`
	// EarlyHeap and LateHeap are bytes in use after a collection, after a tenth and after all of the events.
	EarlyHeap uint64 `json:"early_heap,omitempty"`
	LateHeap  uint64 `json:"late_heap,omitempty"`
	// Lost is how many events did not arrive between two processes, or were missed by the plain client that watches.
	Lost int `json:"lost,omitempty"`
	// Watched is how many events that client has got.
	Watched int `json:"watched,omitempty"`
}

// metric is one number of a result. It is 0 where it could not be measured.
type metric func(result) float64

func per(amount, of float64) float64 {
	if of == 0 {
		return 0
	}
	return amount / of
}

func throughput(r result) float64  { return per(float64(r.Events), r.Seconds) }
func publishRate(r result) float64 { return per(float64(r.Events), r.PublishSeconds) }
func perEvent(r result) float64    { return per(r.Seconds*1e9, float64(r.Events)) }
func runTime(r result) float64     { return r.Seconds * 1e9 }
func cpuPerEvent(r result) float64 { return per(r.CPUSeconds*1e9, float64(r.Events)) }
func median50(r result) float64    { return float64(r.P50) }
func tail99(r result) float64      { return float64(r.P99) }

// allocations are rounded to hundredths: the runtime itself allocates now and then, which is not the event's.
func allocations(r result) float64 {
	return math.Round(100*per(float64(r.Mallocs), float64(r.Events))) / 100
}
func peakMemory(r result) float64 { return float64(r.PeakRSS) }
func bareMemory(r result) float64 { return float64(r.BareRSS) }
func lateHeap(r result) float64   { return float64(r.LateHeap) }
func earlyHeap(r result) float64  { return float64(r.EarlyHeap) }
func lost(r result) float64       { return float64(r.Lost) }
func watched(r result) float64    { return float64(r.Watched) }

// memoryAboveIdle is what the work took beyond the process that waits for it.
func memoryAboveIdle(r result) float64 { return float64(r.PeakRSS) - float64(r.IdleRSS) }
