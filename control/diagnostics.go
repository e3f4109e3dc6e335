package control

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// diagnostics answers what the component counts.
func (s *Service) diagnostics(_ context.Context, _ bus.Request, request DiagnosticsRequest) (any, error) {
	subscriptions, err := request.rows("subscriptions", request.Subscriptions)
	if err != nil {
		return nil, err
	}
	topics, err := request.rows("topics", request.Topics)
	if err != nil {
		return nil, err
	}
	order, err := request.order()
	if err != nil {
		return nil, err
	}
	report := DiagnosticsReport{ID: s.options.ID, Time: time.Now().UTC(), Topics: []TopicCount{}, Collectors: []CollectorStatistics{}}
	first, all := s.topics(topics, request.topicOrder()) // before the statistics: what is published in all is hardly ever less then
	report.Statistics = s.bus.Statistics()
	live := report.Statistics.Subscriptions
	report.Statistics.Subscriptions = []bus.SubscriptionStatistics{}
	if counter, ok := bus.As[bus.ServerCounter](s.bus); ok {
		if server, ok := counter.ServerStatistics(); ok {
			report.Server = &server
		}
	}
	if s.options.Collectors != nil {
		report.Collectors = append(report.Collectors, s.options.Collectors()...)
	}
	// With what says that something is left out.
	report.SubscriptionsOmitted = &OmittedSubscriptions{bus.MaxSubscribersLimit, most, most, most, most, most}
	report.TopicsOmitted = &OmittedTopics{bus.MaxSubscribersLimit, most}
	room, err := s.roomBeside(report)
	if err != nil {
		return nil, err
	}
	report.SubscriptionsOmitted, report.TopicsOmitted = nil, nil

	// Topics take half of the room at most, so that neither list can leave the other one without any.
	half := room / 2
	before := half
	report.Topics, _ = fit(first, &half)
	for _, t := range report.Topics {
		all.Count--
		all.Published -= t.Published
	}
	if all.Count > 0 {
		report.TopicsOmitted = &all
	}
	room -= before - max(half, 0)
	slices.SortFunc(live, order)
	report.Statistics.Subscriptions, _ = fit(live[:min(subscriptions, len(live))], &room)
	report.SubscriptionsOmitted = sumSubscriptions(live[len(report.Statistics.Subscriptions):])
	return report, nil
}

// most is the largest number that a sum can be.
const most = ^uint64(0)

// rows returns how many rows are wanted.
func (DiagnosticsRequest) rows(field string, n *int) (int, error) {
	if n == nil {
		return DefaultRows, nil
	}
	if *n < 0 || *n > MaxRows {
		return 0, badRequest("%s: %d: must be 0 to %d", field, *n, MaxRows)
	}
	return *n, nil
}

// order returns how subscriptions are ordered.
func (r DiagnosticsRequest) order() (func(a, b bus.SubscriptionStatistics) int, error) {
	value, ok := map[Sort]func(*bus.SubscriptionStatistics) uint64{
		"":              func(*bus.SubscriptionStatistics) uint64 { return 0 },
		SortByID:        func(*bus.SubscriptionStatistics) uint64 { return 0 },
		SortByMatched:   func(s *bus.SubscriptionStatistics) uint64 { return s.Matched },
		SortByDelivered: func(s *bus.SubscriptionStatistics) uint64 { return s.Delivered },
		SortByDropped:   func(s *bus.SubscriptionStatistics) uint64 { return s.Dropped },
		SortByLost:      func(s *bus.SubscriptionStatistics) uint64 { return s.Lost },
		SortByQueued:    func(s *bus.SubscriptionStatistics) uint64 { return s.Queued },
		SortByLag:       func(s *bus.SubscriptionStatistics) uint64 { return uint64(s.Lag) },
	}[r.Sort]
	if !ok {
		return nil, badRequest("sort: %q: must be id, matched, delivered, dropped, lost, queued or lag", r.Sort)
	}
	return func(a, b bus.SubscriptionStatistics) int {
		return cmp.Or(cmp.Compare(value(&b), value(&a)), cmp.Compare(a.ID, b.ID))
	}, nil
}

// topicOrder returns how topics are ordered.
func (r DiagnosticsRequest) topicOrder() func(a, b TopicCount) int {
	return func(a, b TopicCount) int {
		byName := cmp.Compare(a.Topic, b.Topic)
		if r.Sort == "" || r.Sort == SortByID {
			return byName
		}
		return cmp.Or(cmp.Compare(b.Published, a.Published), byName)
	}
}

// topics returns the first n topics, in their order, of what the bus counts, and the sum of all. There may be tens of thousands, and who asks
// asks often: those that are too far behind are not even sorted.
func (s *Service) topics(n int, order func(a, b TopicCount) int) (first []TopicCount, all OmittedTopics) {
	counter, ok := bus.As[bus.TopicCounter](s.bus)
	if !ok {
		return nil, all
	}
	trim := func() {
		slices.SortFunc(first, order)
		first = first[:min(n, len(first))]
	}
	trimmed := false // the n-th one is the last that counts
	for topic, published := range counter.PublishedByTopic() {
		all.Count++
		all.Published += published
		one := TopicCount{topic, published}
		if n == 0 || trimmed && order(one, first[n-1]) > 0 {
			continue
		}
		if first = append(first, one); len(first) >= 2*n {
			trim()
			trimmed = true
		}
	}
	trim()
	return first, all
}

// sumSubscriptions returns the sum of subscriptions, nil if there are none.
func sumSubscriptions(subscriptions []bus.SubscriptionStatistics) *OmittedSubscriptions {
	if len(subscriptions) == 0 {
		return nil
	}
	sum := &OmittedSubscriptions{Count: len(subscriptions)}
	for _, s := range subscriptions {
		sum.Matched += s.Matched
		sum.Delivered += s.Delivered
		sum.Dropped += s.Dropped
		sum.Lost += s.Lost
		sum.Queued += s.Queued
	}
	return sum
}
