package observe

import (
	"cmp"
	"maps"
	"slices"

	"github.com/daemoneye/eventbus/bus"
)

// MaxTopics is how many topics have a series of their own: those on which most was published.
const MaxTopics = 100

// collectTopics returns how many events the bus has published on each topic.
func collectTopics(counter bus.TopicCounter) map[string]uint64 {
	return maps.Collect(counter.PublishedByTopic())
}

// topics remembers what the last scrape has shown. A topic can get or lose its series, and the sum over the rest must grow by what is
// published on the rest, and not by what a topic brings along.
type topics struct {
	named     map[string]uint64
	complete  bool   // every topic was among them
	published uint64 // on all topics
	rest      int64  // on the others; an event that is being published may be counted here late
	shown     uint64 // the most that was shown of rest
}

// share returns what each series shows. counted is what was published on each topic, and published all of it.
func (t *topics) share(counted map[string]uint64, published uint64) map[string]uint64 {
	named := busiest(counted)
	rest := int64(published - t.published)
	for topic, n := range named {
		if before, was := t.named[topic]; was {
			rest -= int64(n - before)
		} else if t.complete {
			rest -= int64(n) // the topic is new
		}
	}
	t.rest += rest
	t.named, t.published, t.complete = named, published, len(named) == len(counted)
	t.shown = max(t.shown, uint64(max(t.rest, 0)))
	shown := maps.Clone(named)
	shown[other] = t.shown
	return shown
}

// busiest returns the MaxTopics topics on which most was published.
func busiest(counted map[string]uint64) map[string]uint64 {
	names := slices.Collect(maps.Keys(counted))
	names = slices.DeleteFunc(names, func(name string) bool { return name == other })
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(counted[b], counted[a]), cmp.Compare(a, b)) })
	named := make(map[string]uint64, MaxTopics)
	for _, name := range names[:min(len(names), MaxTopics)] {
		named[name] = counted[name]
	}
	return named
}
