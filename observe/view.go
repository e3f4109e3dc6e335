package observe

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

// maxViewed bounds how many subscriptions the page shows.
const maxViewed = 100

// view is what the page shows of a moment. Counters are since the bus was made: the page takes the differences.
type view struct {
	At        int64    `json:"at"` // Unix time in milliseconds
	Publisher string   `json:"publisher"`
	Version   string   `json:"version"`
	Uptime    int64    `json:"uptime"`  // in seconds
	Reasons   []string `json:"reasons"` // why it is not ready; empty if it is
	Closed    bool     `json:"closed"`

	Published uint64 `json:"published"`
	Arrived   uint64 `json:"arrived"`
	Delivered uint64 `json:"delivered"`
	Dropped   uint64 `json:"dropped"`
	Lost      uint64 `json:"lost"`
	Queued    uint64 `json:"queued"`

	Drops    bus.Drops         `json:"drops"`
	Troubles map[string]uint64 `json:"troubles"` // what else went wrong, if it did

	Topics     []viewedTopic         `json:"topics"`
	MoreTopics int                   `json:"more_topics"`
	Subs       []viewedSubscription  `json:"subs"`
	MoreSubs   int                   `json:"more_subs"`
	Server     *bus.ServerStatistics `json:"server,omitempty"`

	Shown uint64 `json:"shown"` // events on this page since it was opened, of
	Seen  uint64 `json:"seen"`
}

type viewedTopic struct {
	Topic  string `json:"topic"`
	Events uint64 `json:"events"` // published and arrived
}

type viewedSubscription struct {
	ID        string    `json:"id"`
	Matched   uint64    `json:"matched"`
	Delivered uint64    `json:"delivered"`
	Dropped   uint64    `json:"dropped"`
	Drops     bus.Drops `json:"drops"`
	Lost      uint64    `json:"lost"`
	Queued    uint64    `json:"queued"`
	Capacity  int       `json:"capacity"`
	HighWater uint64    `json:"high_water"`
	LagMillis int64     `json:"lag_ms"`
	Full      int64     `json:"full_ms"`
	Overflow  string    `json:"overflow"`
	Circuit   string    `json:"circuit,omitempty"`
}

// viewedEvent is an event on the page: texts that were made visible, so that the page need not know what to do with them.
type viewedEvent struct {
	Time   int64  `json:"time"` // Unix time in milliseconds
	Topic  string `json:"topic"`
	Type   string `json:"type"`
	Source string `json:"source"`
	Text   string `json:"text"`
}

// look returns the view of a bus.
func look(b bus.Bus, queueFull time.Duration) view {
	counts := make(map[string]uint64)
	if counter, ok := b.(bus.TopicCounter); ok {
		maps.Insert(counts, counter.PublishedByTopic())
	}
	arrived := uint64(0)
	if counter, ok := b.(bus.ArrivalCounter); ok {
		for topic, n := range counter.ArrivedByTopic() {
			counts[topic] += n
			arrived += n
		}
	}
	s := b.Statistics()
	v := view{
		At: time.Now().UnixMilli(), Publisher: s.Publisher.String(), Version: buildLabels()[0], Uptime: int64(s.Uptime / time.Second),
		Reasons: []string{}, Closed: s.Closed,
		Published: s.Published, Arrived: arrived, Delivered: s.Delivered, Dropped: s.Dropped, Lost: s.Lost, Queued: s.Queued, Drops: s.Drops,
		Troubles: troubles(&s),
	}
	for _, reason := range readyReasons(&s, queueFull) {
		v.Reasons = append(v.Reasons, show.Escape(reason))
	}
	v.Topics, v.MoreTopics = viewTopics(counts)
	v.Subs, v.MoreSubs = viewSubscriptions(s.Subscriptions)
	if server, ok := b.(bus.ServerCounter); ok {
		if statistics, ok := server.ServerStatistics(); ok {
			v.Server = &statistics
		}
	}
	return v
}

// troubles are the counters that should be zero.
func troubles(s *bus.Statistics) map[string]uint64 {
	all := map[string]uint64{
		"malformed": s.Malformed, "forged": s.Forged, "stale": s.Stale, "overruns": s.Overruns, "unsent": s.Unsent,
		"forbidden": s.Forbidden, "reconnects": s.Reconnects,
	}
	maps.DeleteFunc(all, func(_ string, n uint64) bool { return n == 0 })
	return all
}

// viewTopics returns the topics with most events, in the order of their names, and how many there are beside them.
func viewTopics(counts map[string]uint64) (shown []viewedTopic, more int) {
	named, of := busiest(maps.All(counts))
	shown = make([]viewedTopic, 0, len(named))
	for _, topic := range slices.Sorted(maps.Keys(named)) {
		shown = append(shown, viewedTopic{Topic: show.Escape(topic), Events: named[topic]})
	}
	return shown, of - len(named)
}

// viewSubscriptions returns the subscriptions in the order of their IDs, and how many there are beside them. If there are too many,
// those with drops, losses or most that waits are shown.
func viewSubscriptions(all []bus.SubscriptionStatistics) (shown []viewedSubscription, more int) {
	if len(all) > maxViewed {
		all = slices.Clone(all)
		slices.SortStableFunc(all, func(a, b bus.SubscriptionStatistics) int {
			return cmp.Or(-cmp.Compare(a.Dropped+a.Lost, b.Dropped+b.Lost), -cmp.Compare(a.HighWater, b.HighWater))
		})
		all, more = all[:maxViewed], len(all)-maxViewed
		slices.SortFunc(all, func(a, b bus.SubscriptionStatistics) int { return cmp.Compare(a.ID, b.ID) })
	}
	shown = make([]viewedSubscription, 0, len(all))
	for _, one := range all {
		shown = append(shown, viewedSubscription{
			ID: show.Escape(one.ID), Matched: one.Matched, Delivered: one.Delivered, Dropped: one.Dropped, Drops: one.Drops, Lost: one.Lost,
			Queued: one.Queued, Capacity: one.QueueCapacity, HighWater: one.HighWater,
			LagMillis: one.Lag.Milliseconds(), Full: one.FullFor.Milliseconds(), Overflow: one.Overflow.String(), Circuit: string(one.Circuit),
		})
	}
	return shown, more
}

// viewEvent returns an event as the page shows it.
func viewEvent(event *bus.Event) viewedEvent {
	return viewedEvent{
		Time: event.Time.UnixMilli(), Topic: show.Escape(event.Topic), Type: show.Escape(string(event.Type())), Source: show.Escape(event.Source),
		Text: string(show.AppendDetail(nil, event)),
	}
}
