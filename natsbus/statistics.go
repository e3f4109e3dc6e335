package natsbus

import (
	"iter"

	"github.com/daemoneye/eventbus/bus"
)

var (
	_ bus.TopicCounter  = (*Bus)(nil)
	_ bus.ServerCounter = (*Bus)(nil)
	_ bus.Tuner         = (*Bus)(nil)
)

// Tune implements [bus.Tuner].
func (b *Bus) Tune(tuning bus.Tuning) error { return b.engine.Tune(tuning) }

// PublishedByTopic implements [bus.TopicCounter].
func (b *Bus) PublishedByTopic() iter.Seq2[string, uint64] { return b.engine.PublishedByTopic() }

// ServerStatistics implements [bus.ServerCounter]: of the server that InProcess was given, if that has statistics.
func (b *Bus) ServerStatistics() (bus.ServerStatistics, bool) {
	server, ok := b.server.(interface{ Statistics() bus.ServerStatistics })
	if !ok {
		return bus.ServerStatistics{}, false
	}
	return server.Statistics(), true
}
