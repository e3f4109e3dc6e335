package observe

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// MaxTopics is how many topics have a series of their own: those on which most was published.
const MaxTopics = 100

// topics remembers what the last scrape has shown. A topic can get or lose its series, and the sum over the rest must grow by what is
// published on the rest, and not by what a topic brings along.
type topics struct {
	named     map[string]uint64
	complete  bool   // every topic was among them
	published uint64 // on all topics
	rest      int64  // on the others; an event that is being published may be counted here late
	shown     uint64 // the most that was shown of rest
}

// share returns what each series shows. named is what was published on the busiest topics, of how many there are, and published
// all of it.
func (t *topics) share(named map[string]uint64, of int, published uint64) map[string]uint64 {
	rest := int64(published - t.published)
	for topic, n := range named {
		if before, was := t.named[topic]; was {
			rest -= int64(n - before)
		} else if t.complete {
			rest -= int64(n) // the topic is new
		}
	}
	t.rest += rest
	t.named, t.published, t.complete = named, published, len(named) == of
	t.shown = max(t.shown, uint64(max(t.rest, 0)))
	shown := maps.Clone(named)
	shown[other] = t.shown
	return shown
}

// busiest returns the MaxTopics topics on which most was published, with how much that was, and how many topics there are.
func busiest(counted iter.Seq2[string, uint64]) (named map[string]uint64, of int) {
	type count struct {
		topic  string
		events uint64
	}
	// There may be tens of thousands, so those that are too small are not even sorted.
	best, least := make([]count, 0, 2*MaxTopics), uint64(0)
	trim := func() {
		slices.SortFunc(best, func(a, b count) int {
			return cmp.Or(cmp.Compare(b.events, a.events), cmp.Compare(a.topic, b.topic))
		})
		best = best[:min(len(best), MaxTopics)]
	}
	for topic, events := range counted {
		of++
		if topic == other || events < least {
			continue
		}
		best = append(best, count{topic, events})
		if len(best) == 2*MaxTopics {
			trim()
			least = best[MaxTopics-1].events
		}
	}
	trim()
	named = make(map[string]uint64, len(best)+1)
	for _, one := range best {
		named[one.topic] = one.events
	}
	return named, of
}
