package natsbus

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// maxLastWords bounds the publishers whose last word is kept, maxLastTopics their topics altogether, and lastWordsFor says for
	// how long. Of the role that has the most, the oldest one goes first: what one role says pushes out its own.
	maxLastWords  = 256
	maxLastTopics = 1 << 16
	lastWordsFor  = 10 * time.Minute
	// lastWordSlack is added to the age of a publisher that has not answered when it started: its last word may have been on its
	// way for a while.
	lastWordSlack = 5 * time.Second
)

// lastWords remembers how far publishers had come that have ended, to answer in their place: who was cut off or did not read when they
// said their last word learns from that what it has missed. The bus in the server's process has one, since it is never cut
// off. A nil one remembers nothing.
type lastWords struct {
	mu     sync.Mutex  // guards what follows
	words  []*lastWord // in the order in which they were first heard
	topics int         // of all of them
}

// lastWord is the last word of a publisher. It is not changed once it is whole.
type lastWord struct {
	publisher uuid.UUID
	role      string
	topics    map[string]uint64
	whole     bool
	old       time.Duration // how old the publisher was at least, when this was heard
	heard     time.Time
}

// ageAt returns at least the time from when the publisher was made until t.
func (w *lastWord) ageAt(t time.Time) time.Duration { return max(0, w.old+t.Sub(w.heard)) }

// keep remembers one message of a last word, of a bus of that role. age is the publisher's, if exact is true; otherwise what the message
// says is taken with some slack.
func (l *lastWords) keep(role string, a announcement, age time.Duration, exact bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.IndexFunc(l.words, func(w *lastWord) bool { return w.publisher == uuid.UUID(a.Publisher) })
	if at < 0 {
		at = len(l.words)
		l.words = append(l.words, &lastWord{publisher: a.Publisher, role: role, topics: make(map[string]uint64)})
	}
	word := l.words[at]
	if word.whole {
		return
	}
	before := len(word.topics)
	maps.Copy(word.topics, a.Topics)
	l.topics += len(word.topics) - before
	word.heard, word.old = time.Now(), time.Duration(a.Age)+lastWordSlack
	if exact {
		word.old = age
	}
	word.whole = a.Last && uint64(len(word.topics)) == a.Known
	for len(l.words) > maxLastWords {
		l.forgetLocked(l.oldestOfMost(func(*lastWord) int { return 1 }))
	}
	for l.topics > maxLastTopics {
		l.forgetLocked(l.oldestOfMost(func(w *lastWord) int { return len(w.topics) }))
	}
}

// oldestOfMost returns where the oldest word is of the role whose words weigh the most.
func (l *lastWords) oldestOfMost(weigh func(*lastWord) int) int {
	weight, most := make(map[string]int), l.words[0].role
	for _, w := range l.words {
		if weight[w.role] += weigh(w); weight[w.role] > weight[most] {
			most = w.role
		}
	}
	return slices.IndexFunc(l.words, func(w *lastWord) bool { return w.role == most })
}

func (l *lastWords) forgetLocked(at int) {
	l.topics -= len(l.words[at].topics)
	l.words = slices.Delete(l.words, at, at+1)
}

// all returns the last words that are whole, and forgets old ones.
func (l *lastWords) all() (words []*lastWord) {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.words = slices.DeleteFunc(l.words, func(w *lastWord) bool {
		old := time.Since(w.heard) > lastWordsFor
		if old {
			l.topics -= len(w.topics)
		}
		return old
	})
	for _, w := range l.words {
		if w.whole {
			words = append(words, w)
		}
	}
	return words
}
