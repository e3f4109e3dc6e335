package bustest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// Audit proves that nothing was lost silently: what publishers have sent is what each subscriber got and what it was told is
// missing, to the event. Its methods may be called from any goroutine at once.
type Audit struct {
	mu   sync.Mutex // guards what follows
	sent map[stream]uint64
	dead map[uuid.UUID]bool
}

// stream is what sequence numbers count: one publisher's events on one topic.
type stream struct {
	publisher uuid.UUID
	topic     string
}

// Account is the balance of one subscriber.
type Account struct {
	Published uint64 // for it, since it was there
	Delivered uint64 // that it has got
	Dropped   uint64 // that its queue has dropped
	Lost      uint64 // that it was told were lost on the way
}

// Unaccounted is what nobody knows about. It is negative if an event was accounted for twice.
func (a Account) Unaccounted() int64 { return int64(a.Published - a.Delivered - a.Dropped - a.Lost) }

func (a Account) String() string {
	return fmt.Sprintf("audit: published=%d delivered=%d dropped=%d lost=%d unaccounted=%d",
		a.Published, a.Delivered, a.Dropped, a.Lost, a.Unaccounted())
}

// Plus returns the sums.
func (a Account) Plus(b Account) Account {
	return Account{a.Published + b.Published, a.Delivered + b.Delivered, a.Dropped + b.Dropped, a.Lost + b.Lost}
}

// Sent notes how many events a publisher has published on a topic, all in all.
func (a *Audit) Sent(publisher uuid.UUID, topic string, count uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sent == nil {
		a.sent = make(map[stream]uint64)
	}
	a.sent[stream{publisher, topic}] = max(a.sent[stream{publisher, topic}], count)
}

// Count returns how many events a publisher has published on a topic, as far as is known.
func (a *Audit) Count(publisher uuid.UUID, topic string) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent[stream{publisher, topic}]
}

// Killed notes that a publisher has ended without a last word. How many events it has published, and when it began, may be known
// to nobody; what is audited is that nothing is missing between the first and the last that the subscriber saw.
func (a *Audit) Killed(publisher uuid.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dead == nil {
		a.dead = make(map[uuid.UUID]bool)
	}
	a.dead[publisher] = true
}

// Publish publishes an event, whose topic must be set, and notes it if the bus has numbered it.
func (a *Audit) Publish(ctx context.Context, b bus.Bus, publisher uuid.UUID, event bus.Event) error {
	err := b.Publish(ctx, event)
	if err == nil || errors.Is(err, bus.ErrOverflow) || errors.Is(err, bus.ErrUndelivered) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.sent == nil {
			a.sent = make(map[stream]uint64)
		}
		a.sent[stream{publisher, event.Topic}]++
	}
	return err
}

func (a *Audit) snapshot() (sent map[stream]uint64, dead map[uuid.UUID]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.sent), maps.Clone(a.dead)
}

// Reader is a subscriber that keeps account.
type Reader struct {
	Receiver bus.Receiver

	audit    *Audit
	patterns []subjects.Pattern
	late     bool
	done     chan struct{}

	delivered atomic.Uint64

	mu     sync.Mutex // guards what follows
	read   map[stream]*seen
	told   map[stream]*seen
	lost   uint64 // sums of the notices
	drops  bus.Drops
	cutOff time.Duration
	wrong  []string
}

// seen is a set of sequence numbers by its bounds and its size.
type seen struct{ first, last, count uint64 }

func (s *seen) add(first, last, count uint64) {
	s.first, s.last, s.count = min(s.first, first), max(s.last, last), s.count+count
}

func at(m map[stream]*seen, k stream) *seen {
	s := m[k]
	if s == nil {
		s = &seen{first: math.MaxUint64}
		m[k] = s
	}
	return s
}

// Subscribe subscribes and reads until the subscription ends. Before each event, pace is called if it is not nil. With late
// the subscriber need not have seen publishers from their beginning: its account begins with the first event that it sees.
func (a *Audit) Subscribe(t testing.TB, b bus.Bus, subscription bus.Subscription, late bool, pace func()) *Reader {
	t.Helper()
	r := a.newReader(t, &subscription, late)
	r.Receiver = subscribe(t, b, subscription)
	r.start(pace)
	return r
}

// TrySubscribe is Subscribe for a bus that may not be able to before ctx ends: then it returns nil.
func (a *Audit) TrySubscribe(ctx context.Context, t testing.TB, b bus.Bus, subscription bus.Subscription, late bool) *Reader {
	t.Helper()
	r := a.newReader(t, &subscription, late)
	var err error
	if r.Receiver, err = b.Subscribe(ctx, subscription); err != nil {
		require.True(t, errors.Is(err, context.DeadlineExceeded) || errors.Is(err, bus.ErrUndelivered), "%v", err)
		return nil
	}
	r.start(nil)
	return r
}

func (a *Audit) newReader(t testing.TB, subscription *bus.Subscription, late bool) *Reader {
	t.Helper()
	r := &Reader{audit: a, late: late, done: make(chan struct{}), read: map[stream]*seen{}, told: map[stream]*seen{}}
	patterns := subscription.Patterns
	if len(patterns) == 0 {
		patterns = []string{"events.#"}
	}
	for _, text := range patterns {
		p, err := subjects.ParsePattern(text)
		require.NoError(t, err)
		r.patterns = append(r.patterns, p)
	}
	subscription.Notify = r.notice
	return r
}

func (r *Reader) start(pace func()) {
	go func() {
		defer close(r.done)
		for event := range r.Receiver.All(context.Background()) {
			if pace != nil {
				pace()
			}
			r.event(event)
		}
	}()
}

func (r *Reader) event(event *bus.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := at(r.read, stream{event.Publisher, event.Topic})
	if event.Sequence <= s.last {
		r.wrong = append(r.wrong, fmt.Sprintf("%v after #%d", event, s.last))
	}
	s.add(event.Sequence, event.Sequence, 1)
	r.delivered.Add(1)
}

func (r *Reader) notice(n bus.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost += n.Lost
	r.cutOff += n.CutOff
	r.drops = r.drops.Plus(n.Drops)
	for _, l := range n.Losses {
		at(r.told, stream{l.Publisher, l.Topic}).add(l.First, l.Last, l.Count)
	}
}

// CutOff returns for how long the subscriber was told that its process was cut off.
func (r *Reader) CutOff() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cutOff
}

// Delivered returns how many events the subscriber has got.
func (r *Reader) Delivered() uint64 { return r.delivered.Load() }

// Done is closed when the subscription has ended and all is read.
func (r *Reader) Done() <-chan struct{} { return r.done }

// over reports whether the subscription has ended and all is read. What was published later is not the reader's.
func (r *Reader) over() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Account returns the balance as it is now.
func (r *Reader) Account() Account {
	sent, dead := r.audit.snapshot()
	statistics := r.Receiver.Statistics()
	r.mu.Lock()
	defer r.mu.Unlock()
	account := Account{Dropped: statistics.Dropped, Lost: r.lost}
	for _, s := range r.read {
		account.Delivered += s.count
	}
	streams := make(map[stream]bool)
	for _, m := range []map[stream]*seen{r.read, r.told} {
		for k := range m {
			streams[k] = true
		}
	}
	for k := range sent {
		streams[k] = true
	}
	for k := range streams {
		account.Published += r.publishedLocked(k, sent[k], dead[k.publisher])
	}
	return account
}

// publishedLocked returns how many events of a stream the subscriber has to account for.
func (r *Reader) publishedLocked(k stream, sent uint64, dead bool) uint64 {
	matches := false
	for _, p := range r.patterns {
		matches = matches || p.Match(k.topic)
	}
	if !matches {
		return 0
	}
	first, last := uint64(math.MaxUint64), uint64(0)
	for _, m := range []map[stream]*seen{r.read, r.told} {
		if s := m[k]; s != nil {
			first, last = min(first, s.first), max(last, s.last)
		}
	}
	switch {
	case last == 0 && (r.late || dead || r.over()):
		return 0
	case !r.late && !dead:
		first = 1
	}
	if !dead && !r.over() {
		last = max(last, sent)
	}
	return last - first + 1
}

// Settle waits until the reader has a balance without a rest, and fails if it does not come to that. It returns the balance.
// Publishers must have flushed what they sent.
func (r *Reader) Settle(t testing.TB) Account {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		account := r.Account()
		if account.Unaccounted() == 0 && r.Consistent() == "" {
			return account
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			require.Fail(t, "the audit does not balance", "%s: %v %s\n%+v\n%s",
				r.Receiver.ID(), account, r.Consistent(), r.Receiver.Statistics(), strings.Join(r.Rest(), "\n"))
		}
	}
}

// Rest says which streams the reader has neither read nor been told of as a whole. What was dropped is among it.
func (r *Reader) Rest() (lines []string) {
	sent, dead := r.audit.snapshot()
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, count := range sent {
		var read, told seen
		if s := r.read[k]; s != nil {
			read = *s
		}
		if s := r.told[k]; s != nil {
			told = *s
		}
		if want := r.publishedLocked(k, count, dead[k.publisher]); want != read.count+told.count {
			lines = append(lines, fmt.Sprintf("%v: sent %d, to account for %d, read %+v, told %+v", k, count, want, read, told))
		}
	}
	return lines
}

// Consistent says what is wrong apart from the balance, "" if nothing is.
func (r *Reader) Consistent() string {
	statistics := r.Receiver.Statistics()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.wrong) > 0:
		return "twice or out of order: " + r.wrong[0]
	case statistics.Lost != r.lost:
		return fmt.Sprintf("statistics say %d are lost, notices %d", statistics.Lost, r.lost)
	case statistics.Drops != r.drops:
		return fmt.Sprintf("statistics say %+v were dropped, notices %+v", statistics.Drops, r.drops)
	case statistics.Matched != statistics.Delivered+statistics.Dropped+statistics.Queued:
		return fmt.Sprintf("%+v does not add up", statistics)
	}
	return ""
}
