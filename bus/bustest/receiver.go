package bustest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

var receiverCases = []contractCase{
	{2, "read_as_iterator", "A stream is read as an iterator that ends with the subscription, or with the context's error.", readAll},
	{2, "read_in_select", "A stream is read inside a select: Ready has a token whenever TryNext has something to return.", readSelect},
	{2, "select_on_a_kept_channel", "After each token one TryNext is enough, also with the channel of the first Ready.", keptChannel},
	{2, "every_waiting_reader_gets_an_event", "Of several readers that wait, as many return as there are events.", waitingReaders},
	{2, "read_by_workers", "Several goroutines may read one stream: each event goes to one of them, and all of them end.", readWorkers},
	{2, "try_next_never_blocks", "TryNext returns nil, nil when nothing is queued.", tryNext},
}

func readAll(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	publish(t, p.Publisher, processes(pids(1, 3))...)
	ctx, cancel := context.WithCancel(background(t))
	defer cancel()
	var got []uint32
	var last error
	for event, err := range r.All(ctx) {
		if last = err; err != nil {
			require.Nil(t, event)
			continue
		}
		pid, _ := event.PID()
		if got = append(got, pid); len(got) == 3 {
			cancel()
		}
	}
	require.Equal(t, pids(1, 3), got)
	require.ErrorIs(t, last, context.Canceled)

	publish(t, p.Publisher, process(4), marker())
	for event, err := range r.All(background(t)) {
		require.NoError(t, err)
		if pid, _ := event.PID(); pid == markerPID {
			require.NoError(t, p.Subscriber.Unsubscribe(background(t), "s"))
		}
	}
}

// selectPIDs reads the stream with select until it ends.
func selectPIDs(t *testing.T, r bus.Receiver, each func(pid uint32)) {
	ctx := background(t)
	for {
		select {
		case <-r.Ready():
			event, err := r.TryNext()
			if errors.Is(err, bus.ErrSubscriptionEnded) {
				return
			}
			require.NoError(t, err)
			if event != nil {
				pid, _ := event.PID()
				each(pid)
			}
		case <-ctx.Done():
			t.Fatal("the stream did not become ready")
		}
	}
}

func readSelect(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	// Some are there before the first select, some come while it runs.
	publish(t, p.Publisher, processes(pids(1, 10))...)
	var publishing sync.WaitGroup
	publishing.Go(func() { publish(t, p.Publisher, append(processes(pids(11, 200)), marker())...) })
	var got []uint32
	selectPIDs(t, r, func(pid uint32) {
		if pid == markerPID {
			require.NoError(t, p.Subscriber.Unsubscribe(background(t), "s"))
			return
		}
		got = append(got, pid)
	})
	publishing.Wait()
	require.Equal(t, pids(1, 200), got)
}

func readWorkers(t *testing.T, open Opener) {
	const events = 1000
	p := open(t, bus.Options{})
	w := newWitness(t, p)
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"process"}, QueueCapacity: events})
	var mu sync.Mutex
	seen := map[uint32]int{}
	count := func(pid uint32) {
		mu.Lock()
		defer mu.Unlock()
		seen[pid]++
	}
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for event, err := range r.All(background(t)) {
				require.NoError(t, err)
				pid, _ := event.PID()
				count(pid)
			}
		})
	}
	workers.Go(func() { selectPIDs(t, r, count) })
	publish(t, p.Publisher, processes(pids(1, events))...)
	w.settle(t)
	require.NoError(t, p.Subscriber.Unsubscribe(background(t), "s"))
	workers.Wait()
	require.Len(t, seen, events)
	for pid, n := range seen {
		require.Equal(t, 1, n, "process %d", pid)
	}
}

func tryNext(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	event, err := r.TryNext()
	require.NoError(t, err)
	require.Nil(t, event)
	select {
	case <-r.Ready():
		t.Fatal("ready with nothing queued")
	default:
	}
}

func keptChannel(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	w := newWitness(t, p)
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"process"}})
	ready := r.Ready()
	publish(t, p.Publisher, processes(pids(1, 10))...)
	w.settle(t)
	ctx := background(t)
	for want := uint32(1); want <= 10; {
		select {
		case <-ready:
		case <-ctx.Done():
			t.Fatalf("not ready for event %d", want)
		}
		event, err := r.TryNext()
		require.NoError(t, err)
		if event != nil {
			pid, _ := event.PID()
			require.Equal(t, want, pid)
			want++
		}
	}
}

func waitingReaders(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s"})
	for range 200 {
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				_, err := r.Next(background(t))
				require.NoError(t, err)
			})
		}
		publish(t, p.Publisher, processes(pids(1, 3))...)
		readers.Wait()
	}
}
