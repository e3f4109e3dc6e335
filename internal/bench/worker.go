package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// workerVariable makes a program a worker: it does one job and ends.
const workerVariable = "EVENTBUS_BENCH_WORKER"

// Worker does a job and returns the exit code of the process, if the process was started for that. Programs and test programs that
// call [Run] have to call it first, with the same peers.
func Worker(peers Peers) (code int, asked bool) {
	if os.Getenv(workerVariable) == "" {
		return 0, false
	}
	if err := work(peers, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		return 1, true
	}
	return 0, true
}

// work does the job that comes on in. Its answer, or the conversation with the first process, goes to out.
func work(peers Peers, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	decoder := json.NewDecoder(in)
	var j job
	if err := decoder.Decode(&j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	t := newTalk(decoder, out)
	var r result
	var err error
	switch j.Mode {
	case modeOther:
		pair := peers.pair(j.System)
		if pair == nil {
			return fmt.Errorf("no system %q", j.System)
		}
		return runOther(ctx, pair, j, t)
	case modeWatcher:
		return runWatcher(ctx, j, t)
	case modePair:
		pair := peers.pair(j.System)
		if pair == nil {
			return fmt.Errorf("no system %q", j.System)
		}
		r, err = measurePair(ctx, pair, j)
	default:
		system := peers.system(j.System)
		if system == nil {
			return fmt.Errorf("no system %q", j.System)
		}
		r, err = measure(ctx, system, j)
	}
	if err != nil {
		return fmt.Errorf("%v: %w", j, err)
	}
	return json.NewEncoder(out).Encode(r)
}

// measure opens a system with its readers, and closes it afterwards.
func measure(ctx context.Context, system System, j job) (r result, err error) {
	pool := NewPool()
	memory := newMemory()
	link, err := system.Open(ctx, Setup{Others: j.Others, Stuck: j.Mode == modeStuck})
	if err != nil {
		return r, fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, closeInTime(ctx, link)) }()
	run := &run{link: link, pool: pool}
	if err := run.subscribe(ctx, max(j.Subscribers, 1), j.Mode == modeLatency); err != nil {
		return r, fmt.Errorf("subscribe: %w", err)
	}
	memory.idle()
	switch j.Mode {
	case modeThroughput:
		r, err = run.throughput(ctx, j)
	case modeLatency:
		r, err = run.latency(ctx, j)
	case modeBurst:
		r, err = run.bursts(ctx, j)
	case modeStuck:
		r, err = run.stuck(ctx, j)
	case modeWatched:
		r, err = run.watched(ctx, j)
	default:
		err = errors.New("no such mode")
	}
	memory.report(&r)
	return r, err
}

// closeTimeout bounds the end of a system, which may have lost the other process.
const closeTimeout = 5 * time.Second

func closeInTime(ctx context.Context, c interface{ Close(context.Context) error }) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	return c.Close(ctx)
}
