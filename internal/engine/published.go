package engine

import "iter"

// PublishedByTopic implements [bus.TopicCounter]: the number of a topic's last event is how many there were.
func (e *Engine) PublishedByTopic() iter.Seq2[string, uint64] {
	return e.topics.counts()
}

// ArrivedByTopic implements [bus.ArrivalCounter].
func (e *Engine) ArrivedByTopic() iter.Seq2[string, uint64] { return e.remoteTopics.counts() }

// Passed counts events from outside that nobody here wants.
func (e *Engine) Passed(topic string, events uint64) {
	if t := e.remoteTopics.get(topic); t.counted {
		t.sequence.Add(events)
	}
}

// counts returns an iterator over the topics that have had events.
func (t *topicTable) counts() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		t.topics.Range(func(name, value any) bool {
			sequence := value.(*topic).sequence.Load()
			return sequence == 0 || yield(name.(string), sequence)
		})
	}
}
