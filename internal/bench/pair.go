package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// window is how many events may be on their way between two processes, ackEvery how often they are acknowledged.
	window   = 8192
	ackEvery = 512
	// stall is how long nothing may arrive before what is missing counts as lost.
	stall = 3 * time.Second
)

// side is one of the two processes.
type side struct {
	end  End
	pool Pool
	talk *talk
	next int // the number of the next publish
}

// publish publishes a phase, and returns when it began.
func (s *side) publish(ctx context.Context, n, rate int) (begun int64, err error) {
	s.talk.acked.Store(0)
	if rate > 0 {
		return s.publishPaced(ctx, n, rate)
	}
	begun = clockNow()
	for i := range n {
		if err := s.talk.room(i); err != nil {
			return begun, err
		}
		if err := s.end.Publish(ctx, s.pool.At(s.next+i), 0); err != nil {
			return begun, fmt.Errorf("publish: %w", err)
		}
	}
	s.next += n
	return begun, nil
}

func (s *side) publishPaced(ctx context.Context, n, rate int) (begun int64, err error) {
	pace := newPace(rate, n)
	defer pace.stop()
	begun = clockNow()
	for i := range n {
		pace.wait()
		if err := s.end.Publish(ctx, s.pool.At(s.next+i), clockNow()); err != nil {
			return begun, fmt.Errorf("publish: %w", err)
		}
	}
	s.next += n
	return begun, nil
}

// counter is the reader between two processes.
type counter struct {
	talk *talk

	mu     sync.Mutex // guards what follows, between the reader and who prepares the next phase
	target int
	seen   int
	timed  bool
	times  []int64 // nanoseconds
	last   int64   // when the last event of the phase was read
	latest int64   // when one was acknowledged last
	failed error

	arrived atomic.Int64 // events at all
	done    chan struct{}
}

func newCounter(t *talk) *counter { return &counter{talk: t, done: make(chan struct{}, 1)} }

// read is called for each event. The lock is nobody else's during a phase.
func (c *counter) read(stamp int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timed {
		c.times = append(c.times, clockNow()-stamp)
	}
	c.seen++
	c.arrived.Add(1)
	if c.seen%ackEvery == 0 && !c.timed { // at that rate nobody waits for it
		c.latest = clockNow()
		if err := c.talk.say(word{Say: sayAck, N: c.seen}); err != nil {
			c.failed = err
		}
	}
	if c.seen == c.target {
		c.last = clockNow()
		select {
		case c.done <- struct{}{}:
		default: // nobody waits for a phase that came to its end too late
		}
	}
}

// prepare begins a phase of n events.
func (c *counter) prepare(n int, timed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.done: // of the phase before
	default:
	}
	c.target, c.seen, c.timed, c.last, c.latest, c.times = n, 0, timed, 0, clockNow(), make([]int64, 0, n)
}

// wait returns when all events of the phase are there, or no more come.
func (c *counter) wait() (lost int, err error) {
	ticker := time.NewTicker(stall)
	defer ticker.Stop()
	for before := int64(-1); ; {
		select {
		case <-c.done:
		case <-ticker.C:
			if now := c.arrived.Load(); now != before {
				before = now
				continue
			}
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.last == 0 { // some are lost, which took time to find out
			c.last = c.latest
		}
		return c.target - c.seen, c.failed
	}
}

// measurePair is the first process: it has the server, and says what happens.
func measurePair(ctx context.Context, pair Pair, j job) (r result, err error) {
	end, address, err := pair.Serve(ctx)
	if err != nil {
		return r, fmt.Errorf("serve: %w", err)
	}
	defer func() { err = errors.Join(err, closeInTime(ctx, end)) }()
	s := &side{end: end, pool: NewPool()}
	o, err := startOther(ctx, job{Mode: modeOther, System: j.System, Reverse: j.Reverse, Address: address})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, o.end()) }()
	s.talk = o.talk
	phase := s.forward
	if j.Reverse {
		count := newCounter(o.talk)
		if err := end.Subscribe(ctx, count.read); err != nil {
			return r, fmt.Errorf("subscribe: %w", err)
		}
		phase = func(ctx context.Context, n, rate int) (result, error) { return s.backward(count, n, rate) }
	}
	n, err := warmUpPair(ctx, phase, j)
	if err != nil {
		return r, err
	}
	return phase(ctx, n, j.Rate)
}

// warmUpPair finds out how many events take as long as the target.
func warmUpPair(ctx context.Context, phase func(context.Context, int, int) (result, error), j job) (int, error) {
	if j.Rate > 0 { // the beginning of the phase is what warms up
		n := j.Events
		if n == 0 {
			n = max(int(j.Target.Seconds()*float64(j.Rate)), 10*latencyWarmUp)
		}
		return n + latencyWarmUp, nil
	}
	if j.Events > 0 {
		_, err := phase(ctx, min(j.Events, firstProbe), 0)
		return j.Events, err
	}
	for n := firstProbe; ; n *= 4 {
		r, err := phase(ctx, n, 0)
		if err != nil {
			return 0, err
		}
		if r.Lost > 0 || r.Seconds > j.Target.Seconds()/10 {
			return max(int(float64(n)*j.Target.Seconds()/r.Seconds), firstProbe), nil
		}
	}
}

// forward is a phase in which this process publishes.
func (s *side) forward(ctx context.Context, n, rate int) (r result, err error) {
	if err := s.talk.say(word{Say: sayPhase, N: n, Rate: rate}); err != nil {
		return r, err
	}
	if _, err := s.talk.expect(sayReady); err != nil {
		return r, err
	}
	cpu := cpuTime()
	begun, err := s.publish(ctx, n, rate)
	if err != nil {
		return r, err
	}
	done, err := s.talk.expect(sayDone)
	if err != nil {
		return r, err
	}
	return result{
		Events: n - done.N, Lost: done.N, Seconds: float64(done.Time-begun) / 1e9, CPUSeconds: (cpuTime() - cpu).Seconds() + done.CPU,
		P50: done.P50, P99: done.P99,
	}, nil
}

// backward is a phase in which the other process publishes.
func (s *side) backward(count *counter, n, rate int) (r result, err error) {
	count.prepare(n, rate > 0)
	cpu := cpuTime()
	if err := s.talk.say(word{Say: sayPhase, N: n, Rate: rate}); err != nil {
		return r, err
	}
	done, err := s.talk.expect(sayDone)
	if err != nil {
		return r, err
	}
	lost, err := count.wait()
	if err != nil {
		return r, err
	}
	r = result{
		Events: n - lost, Lost: lost, Seconds: float64(count.last-done.Time) / 1e9, CPUSeconds: (cpuTime() - cpu).Seconds() + done.CPU,
	}
	r.P50, r.P99 = percentiles(warm(count.times))
	return r, nil
}

// runOther is the other process: it does what it is told until its input ends.
func runOther(ctx context.Context, pair Pair, j job, t *talk) (err error) {
	end, err := pair.Dial(ctx, j.Address)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer func() { err = errors.Join(err, closeInTime(ctx, end)) }()
	count := newCounter(t)
	if !j.Reverse {
		if err := end.Subscribe(ctx, count.read); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
	t.start()
	s := &side{end: end, pool: NewPool(), talk: t}
	if err := t.say(word{Say: sayReady}); err != nil {
		return err
	}
	for {
		w, err := t.hear(jobTimeout)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer := s.toldForward
		if j.Reverse {
			answer = s.toldBackward
		}
		if err := answer(ctx, count, w); err != nil {
			return errors.Join(err, t.say(word{Say: sayDone, Failed: err.Error()}))
		}
	}
}

// toldForward reads a phase.
func (s *side) toldForward(_ context.Context, count *counter, w word) error {
	count.prepare(w.N, w.Rate > 0)
	cpu := cpuTime()
	if err := s.talk.say(word{Say: sayReady}); err != nil {
		return err
	}
	lost, err := count.wait()
	if err != nil {
		return err
	}
	done := word{Say: sayDone, N: lost, Time: count.last, CPU: (cpuTime() - cpu).Seconds()}
	done.P50, done.P99 = percentiles(warm(count.times))
	return s.talk.say(done)
}

// toldBackward publishes a phase. Its processor time is without what it takes to send the last window.
func (s *side) toldBackward(ctx context.Context, _ *counter, w word) error {
	cpu := cpuTime()
	begun, err := s.publish(ctx, w.N, w.Rate)
	if err != nil {
		return err
	}
	return s.talk.say(word{Say: sayDone, Time: begun, CPU: (cpuTime() - cpu).Seconds()})
}
