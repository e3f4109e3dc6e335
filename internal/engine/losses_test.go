package engine_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/engine"
)

// remote is a publisher in another process, seen from the engine that receives.
type remote struct {
	id      uuid.UUID
	engine  *engine.Engine
	started time.Time
}

func newRemote(e *engine.Engine) *remote {
	return &remote{id: uuid.New(), engine: e, started: time.Now()}
}

// receive makes the events with these numbers arrive.
func (r *remote) receive(topic string, numbers ...uint64) {
	for _, n := range numbers {
		in := event(topic)
		in.Publisher, in.Sequence = r.id, n
		r.engine.Receive(&engine.Item{Event: *in}, 1)
	}
}

// announce makes an announcement arrive that answers no question.
func (r *remote) announce(topics map[string]uint64) {
	r.engine.Announced(engine.Announcement{Publisher: r.id, Age: time.Since(r.started), Topics: topics})
}

// answer makes an answer arrive, made now, to a question of now.
func (r *remote) answer(topics map[string]uint64) {
	r.engine.Announced(r.answerTo(r.engine.Ask(), topics))
}

func (r *remote) answerTo(question uint64, topics map[string]uint64) engine.Announcement {
	return engine.Announcement{
		Publisher: r.id, Age: time.Since(r.started), Topics: topics, Question: question, Known: uint64(len(topics)), Last: true,
	}
}

// told collects notices.
type told struct {
	mu      sync.Mutex
	notices []bus.Notice
}

func (n *told) add(notice bus.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notices = append(n.notices, notice)
}

func (n *told) all() []bus.Notice {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.notices)
}

func lost(s bus.Receiver) uint64 { return s.Statistics().Lost }

func mustSubscribe(t testing.TB, e *engine.Engine, subscription bus.Subscription) *engine.Subscription {
	s, err := e.Subscribe(t.Context(), subscription)
	require.NoError(t, err)
	return s
}

func TestAGapIsALossWithPublisherTopicAndRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil, nil)
		var notices told
		s := mustSubscribe(t, e, bus.Subscription{ID: "s", Notify: notices.add})
		r := newRemote(e)
		r.receive("events.a.b", 1, 2, 5, 6, 9)
		r.receive("events.a.c", 1, 3)
		require.Equal(t, uint64(5), lost(s))
		require.Equal(t, uint64(7), s.Statistics().Matched, "what was lost did not match: nobody saw it")
		time.Sleep(2 * bus.NoticeInterval)
		var losses []bus.Loss
		for _, n := range notices.all() {
			losses = append(losses, n.Losses...)
		}
		sum := map[string]uint64{}
		for _, l := range losses {
			require.Equal(t, r.id, l.Publisher)
			require.LessOrEqual(t, l.First, l.Last)
			sum[l.Topic] += l.Count
		}
		require.Equal(t, map[string]uint64{"events.a.b": 4, "events.a.c": 1}, sum)
		require.Equal(t, uint64(3), losses[0].First)
	})
}

func TestManyGapsMakeFewNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, &bus.Options{Overflow: bus.DropOldest}, nil)
		var notices told
		mustSubscribe(t, e, bus.Subscription{ID: "s", Notify: notices.add})
		r := newRemote(e)
		const gaps = 30_000
		for n := range uint64(gaps + 1) {
			r.receive("events.a.b", 2*n+1)
		}
		time.Sleep(2 * bus.NoticeInterval)
		all := notices.all()
		require.LessOrEqual(t, len(all), 2)
		var sum uint64
		for _, n := range all {
			sum += n.Lost
			require.Len(t, n.Losses, 1)
		}
		require.Equal(t, uint64(gaps), sum)
	})
}

func TestNoticesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, &bus.Options{Overflow: bus.DropOldest}, nil)
		var notices told
		busy := make(chan struct{})
		mustSubscribe(t, e, bus.Subscription{ID: "s", Notify: func(n bus.Notice) {
			notices.add(n)
			<-busy
		}})
		r := newRemote(e)
		const topics = 1000
		for i := range topics {
			r.receive(fmt.Sprint("events.a.t", i), 1, 3)
		}
		close(busy)
		time.Sleep(3 * bus.NoticeInterval)
		var sum, listed uint64
		for _, n := range notices.all() {
			sum += n.Lost
			require.LessOrEqual(t, len(n.Losses), bus.MaxNoticeLosses)
			for _, l := range n.Losses {
				listed += l.Count
			}
		}
		require.Equal(t, uint64(topics), sum)
		require.Equal(t, uint64(topics), listed)
	})
}

func TestALateJoinerIsToldNothingOfWhatWasBefore(t *testing.T) {
	e := newEngine(t, nil, nil)
	first := mustSubscribe(t, e, bus.Subscription{ID: "first"})
	r := newRemote(e)
	r.receive("events.a.b", 1)
	late := mustSubscribe(t, e, bus.Subscription{ID: "late"})
	r.receive("events.a.b", 4) // nobody knows whether 2 and 3 were published before late was there
	require.Equal(t, uint64(2), lost(first))
	require.Equal(t, uint64(0), lost(late))
	r.receive("events.a.b", 6)
	require.Equal(t, uint64(3), lost(first))
	require.Equal(t, uint64(1), lost(late))
}

func TestAnAnnouncementOnItsWayIsNoSightingForALateJoiner(t *testing.T) {
	e := newEngine(t, nil, nil)
	first := mustSubscribe(t, e, bus.Subscription{ID: "first"})
	r := newRemote(e)
	r.receive("events.a.b", 1)
	late := mustSubscribe(t, e, bus.Subscription{ID: "late"})
	r.announce(map[string]uint64{"events.a.b": 1}) // it may have been made long before late was there
	r.receive("events.a.b", 4)
	require.Equal(t, uint64(2), lost(first))
	require.Equal(t, uint64(0), lost(late))

	// An answer to a question that was asked after it came is certain.
	later := mustSubscribe(t, e, bus.Subscription{ID: "later"})
	r.answer(map[string]uint64{"events.a.b": 4})
	r.receive("events.a.b", 7)
	require.Equal(t, uint64(2), lost(later))
}

func TestTheEndOfABurstIsMissedByAnAnnouncement(t *testing.T) {
	e := newEngine(t, nil, nil)
	s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
	r := newRemote(e)
	r.receive("events.a.b", 1, 2)
	r.announce(map[string]uint64{"events.a.b": 5})
	require.Equal(t, uint64(3), lost(s))
	r.announce(map[string]uint64{"events.a.b": 5})
	r.announce(map[string]uint64{"events.a.b": 4}) // an old one
	require.Equal(t, uint64(3), lost(s))
	r.receive("events.a.b", 6)
	require.Equal(t, uint64(3), lost(s))
}

func TestTheStartOfAPublisherIsMissedOnceItHasSaidWhenItStarted(t *testing.T) {
	e := newEngine(t, nil, nil)
	before := mustSubscribe(t, e, bus.Subscription{ID: "before"})
	r := newRemote(e)
	after := mustSubscribe(t, e, bus.Subscription{ID: "after"})
	r.receive("events.a.b", 4, 5)
	require.Equal(t, uint64(0), lost(before), "it may have run for hours")
	r.answer(map[string]uint64{"events.a.b": 5, "events.a.c": 2})
	require.Equal(t, uint64(5), lost(before))
	require.Equal(t, uint64(0), lost(after))
	// All topics are known now, so a new one begins with 1.
	r.receive("events.a.d", 3)
	require.Equal(t, uint64(7), lost(before))
	require.Equal(t, uint64(2), lost(after))
}

func TestAnAnswerThatIsNotWholeSaysNothingAboutOtherTopics(t *testing.T) {
	e := newEngine(t, nil, nil)
	after := newRemote(e)
	s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
	part := after.answerTo(e.Ask(), map[string]uint64{"events.a.b": 1})
	part.Known = 2 // the first part, with another topic, was lost
	e.Announced(part)
	after.receive("events.a.c", 7)
	require.Equal(t, uint64(0), lost(s))
}

func TestANewRunOfAPublisherBeginsAnew(t *testing.T) {
	e := newEngine(t, nil, nil)
	s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
	for range 3 {
		r := newRemote(e)
		r.answer(nil)
		r.receive("events.a.b", 1, 2, 3)
	}
	require.Equal(t, uint64(0), lost(s))
	require.Equal(t, uint64(9), s.Statistics().Matched)
}

func TestDuplicatesAreNotDelivered(t *testing.T) {
	e := newEngine(t, nil, nil)
	s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
	r := newRemote(e)
	r.receive("events.a.b", 1, 2, 2, 5, 3, 6)
	require.Equal(t, uint64(4), s.Statistics().Matched)
	require.Equal(t, uint64(2), e.Statistics().Stale)
	require.Equal(t, uint64(2), lost(s), "3 was told to be lost, and stays so")
}

func TestWhatATopicFilterHoldsIsNotMissed(t *testing.T) {
	e := newEngine(t, nil, nil)
	s := mustSubscribe(t, e, bus.Subscription{ID: "s", Topics: bus.TopicFilter{Exclude: []string{"events.a.c"}}})
	other := mustSubscribe(t, e, bus.Subscription{ID: "other", Patterns: []string{"events.b.#"}})
	r := newRemote(e)
	r.receive("events.a.b", 1, 3)
	r.receive("events.a.c", 1, 3)
	require.Equal(t, uint64(1), lost(s))
	require.Equal(t, uint64(0), lost(other))
	require.Equal(t, uint64(1), e.Statistics().Lost)
}

func TestEventsWithoutANumberAreDeliveredAndSaidToBeUntracked(t *testing.T) {
	e := newEngine(t, nil, nil)
	s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
	r := newRemote(e)
	r.receive("events.a.b", 0, 0)
	r.id = uuid.Nil
	r.receive("events.a.b", 7, 7)
	require.Equal(t, uint64(4), s.Statistics().Matched)
	require.Equal(t, uint64(4), e.Statistics().Untracked)
}

func TestManyTopicsAndPublishersMakeNoFalseLosses(t *testing.T) {
	e := newEngine(t, &bus.Options{QueueCapacity: 1, Overflow: bus.DropOldest}, nil)
	s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
	r := newRemote(e)
	r.answer(nil)
	const tracks = 1 << 13 // of one publisher
	for i := range tracks + 1000 {
		r.receive(fmt.Sprint("events.a.t", i), 1, 2)
	}
	require.Equal(t, uint64(0), lost(s))
	require.Equal(t, uint64(2000), e.Statistics().Untracked)
	r.receive("events.a.t9000", 9)
	require.Equal(t, uint64(0), lost(s), "it is not known how far this topic has come")
	r.receive("events.a.t7", 5)
	require.Equal(t, uint64(2), lost(s), "but of this one it is")

	// Publishers that come later take the place of the one that is silent, which loses its memory and nothing else.
	for range 2000 {
		other := newRemote(e)
		other.receive("events.a.t7", 1, 2)
	}
	require.Equal(t, uint64(2), lost(s))
	r.receive("events.a.t8", 5, 6)
	r.answer(map[string]uint64{"events.a.t8": 6})
	require.Equal(t, uint64(2), lost(s), "it started after the subscription, but its first events were not missing, only forgotten")
}

func TestAPublisherOfManyTopicsPushesOutNobody(t *testing.T) {
	e := newEngine(t, nil, nil)
	s := mustSubscribe(t, e, bus.Subscription{ID: "s"})
	r, greedy := newRemote(e), newRemote(e)
	r.receive("events.a.b", 1)
	for i := range 128 {
		topics := map[string]uint64{}
		for k := range 512 {
			topics[fmt.Sprintf("events.a.t%d", i*512+k)] = 1
		}
		greedy.announce(topics)
	}
	r.receive("events.a.b", 5)
	require.Equal(t, uint64(3), lost(s))
}

func TestPublishersAreAskedAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, &bus.Options{QueueCapacity: 1, Overflow: bus.DropOldest}, nil)
		mustSubscribe(t, e, bus.Subscription{ID: "s"})
		plain := newRemote(e) // does not answer
		asked := 0
		for n := range uint64(1000) {
			in := event("events.a.b")
			in.Publisher, in.Sequence = plain.id, n+1
			if e.Receive(&engine.Item{Event: *in}, 1) {
				asked++
			}
			time.Sleep(10 * time.Millisecond)
		}
		require.Equal(t, 3, asked)
	})
}
