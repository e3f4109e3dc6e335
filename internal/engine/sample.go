package engine

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/daemoneye/eventbus/bus"
)

// samples are those who want the next events without a subscription. Nearly always there are none, which costs a publisher one look.
type samples struct {
	wanted atomic.Pointer[[]*sample] // immutable; nil if there are none
	mu     sync.Mutex                // held while wanted is replaced
}

// sample takes events until it is full.
type sample struct {
	taken atomic.Int64 // how many places are given away, or more
	slots []atomic.Pointer[bus.Event]
}

// Sample implements [bus.Sampler].
func (e *Engine) Sample(n int) (stop func() []*bus.Event) {
	s := &sample{slots: make([]atomic.Pointer[bus.Event], min(max(n, 0), bus.MaxSample))}
	if len(s.slots) > 0 {
		e.samples.add(s)
	}
	var once sync.Once
	return func() (events []*bus.Event) {
		once.Do(func() {
			e.samples.remove(s)
			events = s.events()
		})
		return events
	}
}

// sampled reports whether somebody wants the next event, whatever its topic.
func (e *Engine) sampled() bool { return e.samples.wanted.Load() != nil }

// give shows an event to who wants the next ones.
func (s *samples) give(event *bus.Event) {
	wanted := s.wanted.Load()
	if wanted == nil {
		return
	}
	for _, one := range *wanted {
		if one.take(event) {
			s.remove(one)
		}
	}
}

// take returns true when the last place was given away.
func (s *sample) take(event *bus.Event) (full bool) {
	place := s.taken.Add(1) - 1
	if place >= int64(len(s.slots)) {
		return false // and whoever took the last place removes it
	}
	s.slots[place].Store(event)
	return place == int64(len(s.slots))-1
}

// events returns what was taken. A publisher that has a place and has not filled it yet is not waited for.
func (s *sample) events() []*bus.Event {
	var events []*bus.Event
	for i := range s.slots {
		if event := s.slots[i].Load(); event != nil {
			events = append(events, event)
		}
	}
	return events
}

func (s *samples) add(one *sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var now []*sample
	if wanted := s.wanted.Load(); wanted != nil {
		now = slices.Clone(*wanted)
	}
	now = append(now, one)
	s.wanted.Store(&now)
}

func (s *samples) remove(one *sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := s.wanted.Load()
	if wanted == nil {
		return
	}
	left := slices.DeleteFunc(slices.Clone(*wanted), func(other *sample) bool { return other == one })
	if len(left) == 0 {
		s.wanted.Store(nil)
		return
	}
	s.wanted.Store(&left)
}
