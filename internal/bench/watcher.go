package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
)

// Throughput inside a process while somebody outside looks on: a plain NATS client that subscribes to everything and counts.

// endOfRun is the topic of the event after which no more come.
const endOfRun = "events.performance.utilization"

// errNoEndpoint is returned for a system that nobody outside can watch.
var errNoEndpoint = errors.New("no other process can watch it")

// watched is [run.throughput] with a watcher.
func (r *run) watched(ctx context.Context, j job) (out result, err error) {
	l, ok := r.link.(*busLink)
	if !ok || l.endpoint == nil {
		return out, errNoEndpoint
	}
	address, err := json.Marshal(l.endpoint)
	if err != nil {
		return out, err
	}
	o, err := startOther(ctx, job{Mode: modeWatcher, System: j.System, Address: string(address)})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, o.end()) }()
	if out, err = r.throughput(ctx, j); err != nil {
		return out, err
	}
	err = l.bus.Publish(ctx, bus.Event{Topic: endOfRun, Payload: r.pool.At(0)})
	if err = errors.Join(err, l.bus.Flush(ctx)); err != nil {
		return out, err
	}
	if err := o.say(word{Say: sayEnd}); err != nil {
		return out, err
	}
	done, err := o.expect(sayDone)
	out.Watched = done.N
	out.Lost = r.next - done.N // the warm-up is watched too
	return out, err
}

// runWatcher is the plain client. It knows nothing of this project but the server's address.
func runWatcher(_ context.Context, j job, t *talk) error {
	var e endpoint
	if err := json.Unmarshal([]byte(j.Address), &e); err != nil {
		return fmt.Errorf("address: %w", err)
	}
	conn, err := nats.Connect(e.URL, nats.Token(e.Token), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer conn.Close()
	var got atomic.Int64
	ended := make(chan struct{})
	s, err := conn.Subscribe("events.>", func(m *nats.Msg) {
		if m.Subject == endOfRun {
			close(ended)
			return
		}
		got.Add(1)
	})
	if err != nil {
		return err
	}
	if err := errors.Join(s.SetPendingLimits(-1, -1), conn.FlushTimeout(patience)); err != nil {
		return err
	}
	t.start()
	if err := t.say(word{Say: sayReady}); err != nil {
		return err
	}
	if _, err := t.hear(jobTimeout); err != nil { // sayEnd
		return err
	}
	awaitQuiet(ended, &got)
	if err := t.say(word{Say: sayDone, N: int(got.Load())}); err != nil {
		return err
	}
	t.drain()
	return nil
}

// awaitQuiet returns when the end has come, or, if that was missed as well, when nothing comes any more.
func awaitQuiet(ended <-chan struct{}, got *atomic.Int64) {
	ticker := time.NewTicker(stall)
	defer ticker.Stop()
	for before := int64(-1); ; {
		select {
		case <-ended:
			return
		case <-ticker.C:
			now := got.Load()
			if now == before {
				return
			}
			before = now
		}
	}
}
