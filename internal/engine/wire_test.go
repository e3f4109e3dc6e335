package engine_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

// TestLossesAreExact plays publishers, a wire that loses messages, and subscriptions that come and go, and compares what each
// subscription got and was told with what was published.
func TestLossesAreExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		// rapid prefers small numbers, which would mean few kinds of operations.
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		operations := make([]int, rapid.IntRange(1, 200).Draw(rt, "operations"))
		for i := range operations {
			operations[i] = random.IntN(1 << 12)
		}
		// rapid stops a failed run by a panic, which may not cross a bubble. So what fails in it is only noted there.
		w := &wire{}
		synctest.Test(t, func(t *testing.T) { w.play(t, operations) })
		if len(w.failures) > 0 {
			rt.Fatal(w.failures[0])
		}
	})
}

// wire is the world of TestLossesAreExact. Its clock is the bubble's, which moves only where the test lets it.
type wire struct {
	engine   *engine.Engine
	now      [2]*wirePublisher // the live publishers
	all      []*wirePublisher
	readers  []*wireReader // the live subscriptions
	made     int
	failures []string
}

var _ assert.TestingT = (*wire)(nil)

// Errorf implements [assert.TestingT].
func (w *wire) Errorf(format string, args ...any) {
	w.failures = append(w.failures, fmt.Sprintf(format, args...))
}

func (w *wire) play(t *testing.T, operations []int) {
	w.engine = newEngine(t, &bus.Options{QueueCapacity: 1 << 10}, nil)
	w.restart(0)
	w.restart(1)
	topics := []string{"events.a.b", "events.a.c", "events.a.d"}
	for _, o := range operations {
		kind, o := o%20, o/20
		i, o := o%2, o/2
		switch kind {
		case 0, 1, 2, 3, 4, 5, 6:
			w.publish(i, topics[o%len(topics)])
		case 7, 8, 9, 10:
			w.move(i, true)
		case 11, 12:
			w.move(i, false)
		case 13, 14:
			w.announce(i)
		case 15, 16:
			w.answer(i)
		case 17, 18:
			w.subscribe()
		case 19:
			switch {
			case o%2 == 0:
				w.restart(i)
			case len(w.readers) > 0:
				o %= len(w.readers)
				w.engine.Unsubscribe(w.readers[o].ID())
				w.readers = slices.Delete(w.readers, o, o+1)
			}
		}
	}
	w.finish()
}

type wirePublisher struct {
	*remote
	counts  map[string]uint64
	times   map[string][]time.Time // of each event
	pending []func()               // messages on their way, in order
}

type wireReader struct {
	*engine.Subscription
	since time.Time
	told  told
}

func (w *wire) tick() { time.Sleep(time.Millisecond) }

// restart ends a publisher with its last word, and begins another one.
func (w *wire) restart(i int) {
	if w.now[i] != nil {
		w.announce(i)
		w.drain(i)
	}
	w.tick()
	w.now[i] = &wirePublisher{remote: newRemote(w.engine), counts: map[string]uint64{}, times: map[string][]time.Time{}}
	w.all = append(w.all, w.now[i])
	w.tick()
}

func (w *wire) publish(i int, topic string) {
	w.tick()
	p := w.now[i]
	p.counts[topic]++
	p.times[topic] = append(p.times[topic], time.Now())
	n := p.counts[topic]
	p.pending = append(p.pending, func() { p.receive(topic, n) })
}

func (w *wire) announce(i int) {
	p := w.now[i]
	a := p.answerTo(0, maps.Clone(p.counts))
	p.pending = append(p.pending, func() { w.engine.Announced(a) })
}

// answer asks and lets the publisher answer, in messages of one topic each. What it publishes meanwhile is not in the answer.
func (w *wire) answer(i int) {
	p := w.now[i]
	question := w.engine.Ask()
	whole := p.answerTo(question, nil)
	whole.Known, whole.Last = 0, false
	for topic, n := range p.counts {
		part := whole
		part.Topics = map[string]uint64{topic: n}
		whole.Known++
		part.Known = whole.Known
		p.pending = append(p.pending, func() { w.engine.Announced(part) })
	}
	whole.Last = true
	p.pending = append(p.pending, func() { w.engine.Announced(whole) })
}

// move takes the first message off the wire.
func (w *wire) move(i int, arrives bool) {
	p := w.now[i]
	if len(p.pending) == 0 {
		return
	}
	first := p.pending[0]
	p.pending = p.pending[1:]
	if arrives {
		first()
	}
}

func (w *wire) drain(i int) {
	for len(w.now[i].pending) > 0 {
		w.move(i, true)
	}
}

func (w *wire) subscribe() {
	w.made++
	r := &wireReader{}
	s, err := w.engine.Subscribe(context.Background(), bus.Subscription{ID: fmt.Sprint(w.made), Notify: r.told.add})
	assert.NoError(w, err)
	r.Subscription = s
	w.tick()
	r.since = time.Now()
	w.readers = append(w.readers, r)
}

// finish lets every publisher say its last word, and checks what the subscriptions that are there have got and were told.
func (w *wire) finish() {
	for i := range w.now {
		w.answer(i)
		w.drain(i)
	}
	time.Sleep(3 * bus.NoticeInterval)
	for _, r := range w.readers {
		got := map[string][]uint64{}
		for event, _ := r.TryNext(); event != nil; event, _ = r.TryNext() {
			key := event.Publisher.String() + event.Topic
			got[key] = append(got[key], event.Sequence)
		}
		missing := map[string]bus.Loss{}
		for _, notice := range r.told.all() {
			for _, l := range notice.Losses {
				key := l.Publisher.String() + l.Topic
				sum, ok := missing[key]
				if !ok {
					sum.First = math.MaxUint64
				}
				missing[key] = bus.Loss{First: min(sum.First, l.First), Last: max(sum.Last, l.Last), Count: sum.Count + l.Count}
			}
		}
		for _, p := range w.all {
			for topic := range p.counts {
				key := p.id.String() + topic
				w.check(r, p, topic, got[key], missing[key])
			}
		}
		assert.Zero(w, r.Statistics().Dropped)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = w.engine.Shutdown(ended, nil) // nothing waits for it
}

func (w *wire) check(r *wireReader, p *wirePublisher, topic string, got []uint64, missing bus.Loss) {
	assert.True(w, slices.IsSorted(got))
	assert.Len(w, slices.Compact(slices.Clone(got)), len(got), "nothing twice")
	count, alive := p.counts[topic], slices.Contains(w.now[:], p)
	accounted := uint64(len(got)) + missing.Count
	if p.started.After(r.since) && alive {
		assert.Equal(w, count, accounted, "all that a later publisher has published is accounted for: got %v, missing %v", got, missing)
	}
	if accounted == 0 {
		return
	}
	first, last := uint64(math.MaxUint64), missing.Last
	if missing.Count > 0 {
		first = missing.First
	}
	if len(got) > 0 {
		first, last = min(first, got[0]), max(last, got[len(got)-1])
	}
	assert.Equal(w, last-first+1, accounted, "from the first one on nothing is unaccounted for: got %v, missing %v", got, missing)
	assert.True(w, !alive || last == count, "up to the last one of %d: got %v, missing %v", count, got, missing)
	before := uint64(0) // events from before the subscription
	for _, at := range p.times[topic] {
		if at.Before(r.since) {
			before++
		}
	}
	assert.True(w, missing.Count == 0 || missing.First > before || len(got) > 0 && got[0] < missing.First,
		"a late joiner is told nothing of what was before: %d events were, got %v, missing %v", before, got, missing)
}
