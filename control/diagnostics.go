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
	all := s.topics() // first: what is published in all is hardly ever less then
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
	room, err := s.room(report)
	if err != nil {
		return nil, err
	}
	report.SubscriptionsOmitted, report.TopicsOmitted = nil, nil

	// Topics take half of the room at most, so that neither list can leave the other one without any.
	half := room / 2
	before := half
	slices.SortFunc(all, request.topicOrder())
	report.Topics, _ = fit(all[:min(topics, len(all))], &half)
	report.TopicsOmitted = sumTopics(all[len(report.Topics):])
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

// topics returns what the bus counts by topic.
func (s *Service) topics() (topics []TopicCount) {
	if counter, ok := bus.As[bus.TopicCounter](s.bus); ok {
		for topic, n := range counter.PublishedByTopic() {
			topics = append(topics, TopicCount{topic, n})
		}
	}
	return topics
}

// sumTopics returns the sum of topics, nil if there are none.
func sumTopics(topics []TopicCount) *OmittedTopics {
	if len(topics) == 0 {
		return nil
	}
	sum := &OmittedTopics{Count: len(topics)}
	for _, t := range topics {
		sum.Published += t.Published
	}
	return sum
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
