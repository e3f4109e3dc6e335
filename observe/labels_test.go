package observe_test

import (
	"fmt"
	"iter"
	"maps"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/localbus"
	"github.com/daemoneye/eventbus/observe"
)

func TestNamesAndHelpKeepToTheConventions(t *testing.T) {
	b := inside(t, startServer(t, embed.Options{}))
	subscribe(t, b, bus.Subscription{ID: "s", Overflow: bus.BreakCircuit})
	publish(t, b, 1)
	problems, err := testutil.GatherAndLint(newMeter(t, b).registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// sum sums up the series that begin so.
func sum(values map[string]float64, name string) (sum float64) {
	for series, value := range values {
		if strings.HasPrefix(series, name+"{") {
			sum += value
		}
	}
	return sum
}

func count(values map[string]float64, name string) (n int) {
	for series := range values {
		if strings.HasPrefix(series, name+"{") {
			n++
		}
	}
	return n
}

// TestSubscriptionsAreBoundedAndAddUp has more of them than have series of their own.
func TestSubscriptionsAreBoundedAndAddUp(t *testing.T) {
	const more = 30
	b := local(t, &bus.Options{Overflow: bus.DropNewest, QueueCapacity: 2})
	for i := range observe.MaxSubscriptions + more {
		subscribe(t, b, bus.Subscription{ID: fmt.Sprintf("s%03d", i), Overflow: bus.DropNewest})
	}
	m := newMeter(t, b)
	check := func(events, rest float64) {
		t.Helper()
		values, statistics := m.read(), b.Statistics()
		require.Equal(t, observe.MaxSubscriptions+1, count(values, "matched_events_total"))
		require.Equal(t, float64(statistics.Matched), sum(values, "matched_events_total"))
		require.Equal(t, float64(statistics.Dropped), sum(values, "dropped_events_total"))
		require.Equal(t, float64(statistics.Queued), sum(values, "queue_depth_events"))
		require.Equal(t, events, values["matched_events_total{subscription=s000}"])
		require.Equal(t, rest, values["matched_events_total{subscription=other}"])
	}
	check(0, 0)
	m.is(more, "unnamed_subscriptions")
	m.is(2*more, "queue_capacity_events{subscription=other}")
	publish(t, b, 3)
	check(3, 3*more)
	m.is(2, "queue_high_water_events{subscription=other}")
	m.is(2*more, "queue_depth_events{subscription=other}")

	// When one with its own series ends, what it counted goes to the sum. None of the others comes out of it, but a new one may have
	// the free place.
	require.NoError(t, b.Unsubscribe(background(t), "s100"))
	values := m.read()
	require.Equal(t, 3.0*more+3, values["matched_events_total{subscription=other}"])
	require.Equal(t, observe.MaxSubscriptions, count(values, "matched_events_total"))
	m.is(more, "unnamed_subscriptions")
	subscribe(t, b, bus.Subscription{ID: "a new one"})
	check(3, 3*more+3)
	m.is(0, "matched_events_total{subscription=a new one}")
	m.is(observe.MaxSubscriptions+more, "subscriptions")
}

// TestIDsThatCannotBeLabels are part of the sum.
func TestIDsThatCannotBeLabels(t *testing.T) {
	b := local(t, nil)
	for _, id := range []string{"other", "\xff\xfe", "\xff\xfd", "fine ü\n\"\\"} {
		subscribe(t, b, bus.Subscription{ID: id})
	}
	publish(t, b, 1)
	m := newMeter(t, b)
	m.is(3, "matched_events_total{subscription=other}")
	m.is(3, "unnamed_subscriptions")
	m.is(1, "matched_events_total{subscription=fine ü\n\"\\}")
}

// TestOpenCircuitsOfTheRestAreCounted has a circuit that opens without a series of its own.
func TestOpenCircuitsOfTheRestAreCounted(t *testing.T) {
	b := local(t, nil)
	subscribe(t, b, bus.Subscription{ID: "other", QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 1}})
	m := newMeter(t, b)
	m.is(0, "circuit_open{subscription=other}")
	publish(t, b, 2)
	m.is(1, "circuit_open{subscription=other}")
}

func TestTopicsAreCounted(t *testing.T) {
	b := local(t, nil)
	m := newMeter(t, b)
	m.is(0, "topic_published_events_total{topic=other}")
	publish(t, b, 2)
	m.is(2, "topic_published_events_total{topic="+topic+"}")
	m.is(0, "topic_published_events_total{topic=other}")
	require.NoError(t, b.Publish(background(t), bus.Event{Payload: &bus.NetworkEvent{ConnectionID: "c"}}))
	m.is(1, "topic_published_events_total{topic=events.network.connections}")
	m.is(0, "topic_published_events_total{topic=other}")
	m.is(3, "published_events_total")
	require.Positive(t, m.read()["published_bytes_total"])
}

// counting is a bus that says of its topics what the test wants.
type counting struct {
	*localbus.Bus
	topics map[string]uint64
	extra  uint64 // on topics that it does not count
}

func (c *counting) PublishedByTopic() iter.Seq2[string, uint64] { return maps.All(c.topics) }

func (c *counting) Statistics() bus.Statistics {
	s := c.Bus.Statistics()
	s.Published = c.extra
	for _, n := range c.topics {
		s.Published += n
	}
	return s
}

// TestTopicsAreBoundedAndTheirCountersOnlyGrow has topics overtake each other.
func TestTopicsAreBoundedAndTheirCountersOnlyGrow(t *testing.T) {
	b := &counting{Bus: local(t, nil), topics: make(map[string]uint64)}
	name := func(i int) string { return fmt.Sprintf("events.t%03d", i) }
	for i := range observe.MaxTopics {
		b.topics[name(i)] = 100
	}
	m := newMeter(t, b)
	rest := "topic_published_events_total{topic=other}"
	m.is(0, rest)
	b.topics[name(observe.MaxTopics)] = 40
	b.extra = 2
	m.is(42, rest)
	require.Equal(t, observe.MaxTopics+1, count(m.read(), "topic_published_events_total"))

	// The last one comes among the busiest. What it brings along was counted in the rest while it was there, and only what it gets
	// from now on is not.
	b.topics[name(observe.MaxTopics)] = 140
	m.is(142, rest)
	m.is(140, "topic_published_events_total{topic="+name(observe.MaxTopics)+"}")
	require.NotContains(t, m.read(), "topic_published_events_total{topic="+name(observe.MaxTopics-1)+"}")
	b.topics[name(observe.MaxTopics)] = 150
	m.is(142, rest)
	b.topics[name(observe.MaxTopics-1)]++
	m.is(143, rest)

	// An event that has its number, but is not counted as published yet, makes nothing go backwards.
	b.topics[name(0)] += 5
	b.extra -= 2
	m.is(143, rest)
	b.extra += 2
	m.is(143, rest)
	b.extra++
	m.is(144, rest)
	require.Equal(t, observe.MaxTopics+1, count(m.read(), "topic_published_events_total"))
}
