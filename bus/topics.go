package bus

import "iter"

// TopicCounter is implemented by a bus that knows how many events it has published on each topic, as localbus and natsbus do.
type TopicCounter interface {
	// PublishedByTopic returns an iterator over the topics on which this bus has published, in no order, and how many events
	// that were. Events on topics beyond the first 65,536 are in Statistics.Published alone. It does not block publishers, costs
	// them nothing, works after Shutdown as well, and may be called from any goroutine.
	PublishedByTopic() iter.Seq2[string, uint64]
}
