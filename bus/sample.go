package bus

import "iter"

// MaxSample bounds what one call of [Sampler.Sample] takes.
const MaxSample = 1 << 10

// Sampler is implemented by a bus that can show some of its events to somebody who is no subscriber, as localbus and natsbus do.
type Sampler interface {
	// Sample takes the next n events, at most MaxSample: those that this bus publishes, and those that come to it from other processes,
	// whatever their topic. stop ends that and returns what was taken, in that order; a second call returns nothing.
	//
	// It is for a glance, not for work: what does not fit is not taken, what is taken is not counted in the statistics, and events that
	// do not reach this process are not asked for. A publisher never waits for it, and once n events are taken it costs nothing any more.
	// Until then each message that comes is decoded, whoever wants it, and so counted as malformed if it is ([Statistics.Malformed]).
	//
	// Events are shared and must not be changed. Both functions may be called from any goroutine.
	Sample(n int) (stop func() []*Event)
}

// ArrivalCounter is implemented by a bus that knows how many events have come to it from other processes on each topic, as natsbus
// does.
type ArrivalCounter interface {
	// ArrivedByTopic returns an iterator over topics, in no order, and how many events have come on each: on the bus in a server's
	// process all that others publish, elsewhere those that somebody here has subscribed to. Topics beyond the first 4,096 are not
	// counted. What nobody wants is not looked into, and counted as its sender says. It does not block anybody, works after
	// Shutdown as well, and may be called from any goroutine.
	ArrivedByTopic() iter.Seq2[string, uint64]
}
