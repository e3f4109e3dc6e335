package natsbus

import (
	"iter"

	"github.com/daemoneye/eventbus/bus"
)

var (
	_ bus.TopicCounter   = (*Bus)(nil)
	_ bus.ArrivalCounter = (*Bus)(nil)
	_ bus.Sampler        = (*Bus)(nil)
	_ bus.ServerCounter  = (*Bus)(nil)
)

// PublishedByTopic implements [bus.TopicCounter].
func (b *Bus) PublishedByTopic() iter.Seq2[string, uint64] { return b.engine.PublishedByTopic() }

// ArrivedByTopic implements [bus.ArrivalCounter].
func (b *Bus) ArrivedByTopic() iter.Seq2[string, uint64] { return b.engine.ArrivedByTopic() }

// Sample implements [bus.Sampler].
func (b *Bus) Sample(n int) (stop func() []*bus.Event) { return b.engine.Sample(n) }

// ServerStatistics implements [bus.ServerCounter]: of the server that InProcess was given, if that has statistics.
func (b *Bus) ServerStatistics() (bus.ServerStatistics, bool) {
	server, ok := b.server.(interface{ Statistics() bus.ServerStatistics })
	if !ok {
		return bus.ServerStatistics{}, false
	}
	return server.Statistics(), true
}
