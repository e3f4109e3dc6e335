package engine

import "iter"

// PublishedByTopic implements [bus.TopicCounter]: the number of a topic's last event is how many there were.
func (e *Engine) PublishedByTopic() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		e.topics.topics.Range(func(name, value any) bool {
			sequence := value.(*topic).sequence.Load()
			return sequence == 0 || yield(name.(string), sequence)
		})
	}
}
