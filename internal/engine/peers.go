package engine

import (
	"container/list"
	"time"

	"github.com/google/uuid"
)

const (
	// maxPeers bounds the publishers that are followed, and maxTracks their topics altogether. Beyond, the publisher that
	// has been silent for the longest time is forgotten.
	maxPeers  = 1 << 10
	maxTracks = 1 << 16
	// maxPeerTracks bounds those of one publisher, so that it does not push out all the others.
	maxPeerTracks = maxTracks / 8
	// maxAsked is how often a publisher is asked when it started, and askInterval the least time in between. A plain NATS
	// client does not answer.
	maxAsked    = 3
	askInterval = time.Second
)

// peers follows the sequence numbers of publishers in other processes, to find out which events are missing. It belongs to
// the goroutine that receives.
//
// # When is an event missing, and for whom
//
// A publisher numbers its events on each topic, sent or not, and says now and then how far it has come (an announcement). A
// number that is skipped is an event that did not arrive. It is missing for a subscription that should have seen it,
// which is certain if the subscription was there
//
//   - when the last number before the gap was seen, in an event or in an announcement, or
//   - when all topics of the publisher were known, and the gap is the start of a topic that was not among them, or
//   - before the publisher started, and the gap is the start of one of its topics.
//
// Whatever is not certain is not counted: a late joiner is told nothing of what was before it. Subscriptions and sightings
// are compared by the generation of the index (of which every change of the set of subscriptions makes a new one), so that
// there is no moment in between.
type peers struct {
	byID   map[uuid.UUID]*peer
	recent *list.List // of *peer, the last one heard in front
	tracks int        // of all peers
	now    func() time.Duration

	forgot time.Duration // when a peer was last forgotten, on the bus's clock
}

func newPeers(now func() time.Duration) peers {
	return peers{byID: make(map[uuid.UUID]*peer), recent: list.New(), now: now}
}

// peer is a publisher in another process.
type peer struct {
	id     uuid.UUID
	place  *list.Element
	tracks map[string]*track

	// complete is the generation at which all topics of the publisher were known; 0: never.
	complete uint64
	// placed says that it has answered. Then started is a time on this bus's clock at which the publisher was not there yet, or
	// 0 if there is none that could tell anything.
	placed  bool
	started time.Duration
	asked   int           // how often
	askFrom time.Duration // when it may be asked again
	// answering is the question whose answer is coming in, and listed the number of topics in it so far.
	answering, listed uint64

	partial bool // there was no room for some of its topics
}

// track is how far a publisher has come on a topic.
type track struct {
	first uint64 // of a publisher that is not placed: the number before which nothing was seen, and is missing for nobody yet
	got   uint64 // the highest number seen in an event
	last  uint64 // the highest number seen or announced
	seen  uint64 // the generation of the index at that moment, or one before it; 0: unknown
}

// get returns the peer, and makes one.
func (p *peers) get(id uuid.UUID) *peer {
	found := p.byID[id]
	if found == nil {
		if len(p.byID) >= maxPeers {
			p.forgetOldest()
		}
		found = &peer{id: id, tracks: make(map[string]*track)}
		found.place = p.recent.PushFront(found)
		p.byID[id] = found
	}
	p.recent.MoveToFront(found.place)
	return found
}

func (p *peers) forgetOldest() {
	oldest := p.recent.Remove(p.recent.Back()).(*peer)
	delete(p.byID, oldest.id)
	p.tracks -= len(oldest.tracks)
	p.forgot = p.now()
}

// add gives a peer another topic. It returns nil if there is no room.
func (p *peers) add(of *peer, topic string) *track {
	if len(of.tracks) >= maxPeerTracks {
		of.partial, of.complete = true, 0
		return nil
	}
	for p.tracks >= maxTracks {
		if p.recent.Back() == of.place {
			of.partial, of.complete = true, 0
			return nil
		}
		p.forgetOldest()
	}
	p.tracks++
	t := &track{first: 1, seen: of.complete}
	of.tracks[topic] = t
	return t
}

// toBeAsked says whether it should be asked when it started, or how far it has come since a generation, and counts that it
// will be.
func (of *peer) toBeAsked(now time.Duration, since uint64) bool {
	if of.placed && (of.complete >= since || of.partial) || of.asked >= maxAsked || now < of.askFrom {
		return false
	}
	of.asked++
	of.askFrom = now + askInterval
	return true
}

// gap is a range of sequence numbers that were not seen, and how to know for whom they are missing.
type gap struct {
	first, last uint64        // nothing if last is less
	generation  uint64        // for subscriptions up to this generation, or
	before      time.Duration // for subscriptions from before this time
}

// advance notes that a publisher has come to number n on a topic: by an event with that number, or by an announcement, in
// which case the event n itself may be missing too. At that moment the index had at least the generation. It returns what is
// missing, and stale for an event that should have come earlier. tracked is false if there is no room to remember.
func (p *peers) advance(of *peer, topic string, n, generation uint64, announced bool) (missing gap, stale, tracked bool) {
	t := of.tracks[topic]
	if t == nil {
		if t = p.add(of, topic); t == nil {
			return gap{}, false, false
		}
	}
	if !announced {
		if n <= t.got {
			return gap{}, true, true
		}
		t.got = n
	}
	if n < t.last || n == t.last && !announced {
		return gap{}, false, true // an event that was announced, and told to be missing, and comes all the same
	}
	missing = gap{first: t.last + 1, last: n, generation: t.seen, before: of.started}
	if !announced {
		missing.last--
	}
	if t.seen == 0 && !of.placed {
		// For whom this is missing is not known yet.
		t.first = missing.last + 1
		missing = gap{}
	}
	t.last, t.seen = n, max(t.seen, generation)
	return missing, false, true
}

// locate notes that a publisher was not there yet at a time. A publisher from before the last one was forgotten may be that
// one: what has come from it before is not known, so nothing is missing at its start.
func (p *peers) locate(of *peer, started time.Duration) {
	of.placed = true
	if started > p.forgot {
		of.started = started
	}
}

// start returns what is missing from before the first number that was seen on a topic, once it is known when the publisher
// started.
func (of *peer) start(t *track) gap { return gap{first: 1, last: t.first - 1, before: of.started} }
