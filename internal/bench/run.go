package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

const (
	// patience bounds the wait for the readers once everything is published.
	patience = 20 * time.Second
	// firstProbe is the number of events that the warm-up begins with.
	firstProbe = 2000
)

// run publishes to readers in this process.
type run struct {
	link    Link
	pool    Pool
	readers []*reader
	next    int // the number of the next publish
}

// reader counts what one subscriber reads. Between phases it belongs to the publisher, in them to the subscriber; the system
// under test is what passes it on.
type reader struct {
	seen, target int
	sum          uint64 // of the PIDs
	done         chan struct{}
	clock        *stopwatch // nil if nobody asks for latencies
	_            [64]byte   // readers on other processors write to their own cache lines
}

func (r *reader) read(e *bus.ProcessEvent) {
	r.sum += uint64(e.PID)
	if r.clock != nil {
		r.clock.stop(Index(e))
	}
	r.seen++
	if r.seen == r.target {
		r.done <- struct{}{}
	}
}

func (r *run) subscribe(ctx context.Context, n int, timed bool) error {
	for range n {
		reader := &reader{done: make(chan struct{}, 1)}
		if timed {
			reader.clock = newStopwatch()
		}
		if err := r.link.Subscribe(ctx, reader.read); err != nil {
			return err
		}
		r.readers = append(r.readers, reader)
	}
	return nil
}

// phase publishes n events and waits until every reader has them. total is the time until then, published that until the last
// Publish has returned.
func (r *run) phase(ctx context.Context, n int) (published, total time.Duration, err error) {
	r.begin(n)
	start := time.Now()
	for i := range n {
		if err := r.link.Publish(ctx, r.pool.At(r.next+i)); err != nil {
			return 0, 0, fmt.Errorf("publish: %w", err)
		}
	}
	published = time.Since(start)
	err = r.await(ctx)
	total = time.Since(start)
	return published, total, r.end(n, err)
}

// begin tells the readers what to expect.
func (r *run) begin(n int) {
	for _, reader := range r.readers {
		reader.target += n
	}
}

// await waits for the readers.
func (r *run) await(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for i, reader := range r.readers {
		select {
		case <-reader.done:
		case <-timer.C:
			return fmt.Errorf("reader %d did not get everything within %v", i, patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// end checks that each reader has got the right events.
func (r *run) end(n int, err error) error {
	if err != nil {
		return err
	}
	want := r.pool.sum(r.next, n)
	r.next += n
	for i, reader := range r.readers {
		if reader.sum != want {
			return fmt.Errorf("reader %d has read other events than were published", i)
		}
		reader.sum = 0
	}
	return nil
}

// warmUp publishes until it takes long enough to tell how many events take as long as the target, and returns that number.
func (r *run) warmUp(ctx context.Context, j job) (int, error) {
	if j.Events > 0 {
		_, _, err := r.phase(ctx, min(j.Events, firstProbe))
		return j.Events, err
	}
	for n := firstProbe; ; n *= 4 {
		_, took, err := r.phase(ctx, n)
		if err != nil {
			return 0, err
		}
		if took > j.Target/10 {
			return max(int(float64(n)*j.Target.Seconds()/took.Seconds()), firstProbe), nil
		}
	}
}

// throughput publishes as fast as it goes.
func (r *run) throughput(ctx context.Context, j job) (result, error) {
	n, err := r.warmUp(ctx, j)
	if err != nil {
		return result{}, err
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := cpuTime()
	published, total, err := r.phase(ctx, n)
	cpu = cpuTime() - cpu
	runtime.ReadMemStats(&after)
	return result{
		Events: n, Seconds: total.Seconds(), PublishSeconds: published.Seconds(), CPUSeconds: cpu.Seconds(),
		Mallocs: after.Mallocs - before.Mallocs,
	}, err
}

// bursts publishes the same number of events again and again, and returns the median time.
func (r *run) bursts(ctx context.Context, j job) (result, error) {
	const warmUps, most = 3, 1000
	for range warmUps {
		if _, _, err := r.phase(ctx, j.Events); err != nil {
			return result{}, err
		}
	}
	runtime.GC()
	var times []float64
	for start := time.Now(); len(times) == 0 || time.Since(start) < j.Target && len(times) < most; {
		_, total, err := r.phase(ctx, j.Events)
		if err != nil {
			return result{}, err
		}
		times = append(times, total.Seconds())
	}
	return result{Events: j.Events, Seconds: summarize(times).Median}, nil
}

// stuck publishes while a subscriber does not read, and looks at the heap on the way.
func (r *run) stuck(ctx context.Context, j job) (result, error) {
	early := j.Events / 10
	_, first, err := r.phase(ctx, early)
	if err != nil {
		return result{}, err
	}
	out := result{Events: j.Events, EarlyHeap: heapInUse()}
	_, second, err := r.phase(ctx, j.Events-early)
	out.LateHeap = heapInUse()
	out.Seconds = (first + second).Seconds()
	return out, err
}

// heapInUse returns the bytes of the heap that are in use after a collection.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
