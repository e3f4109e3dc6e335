package observe

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

const (
	// MaxPages is how many pages are served at a time; others get a 503.
	MaxPages = 8
	// MaxPageEvents is how many events a second a page is sent.
	MaxPageEvents = 50

	// A page gets events every livePause, and a view every liveViews of them.
	livePause = 250 * time.Millisecond
	liveViews = 4
	// liveTimeout is how long a page may take for what it is sent.
	liveTimeout = 10 * time.Second
)

// live serves what pages show, for as long as they are open: one JSON object a line.
type live struct {
	bus       bus.Bus
	queueFull time.Duration
	events    bool              // are shown to who knows the token
	token     [sha256.Size]byte // its hash
	places    chan struct{}     // one for each page

	mu   sync.Mutex // guards what follows, which all pages share: they cost little more than one
	last view
	from time.Time
}

func newLive(b bus.Bus, o *Options) *live {
	return &live{
		bus: b, queueFull: o.QueueFull, events: o.EventsToken != "", token: sha256.Sum256([]byte(o.EventsToken)),
		places: make(chan struct{}, MaxPages),
	}
}

// line is one of what a page is sent; one of its fields is set.
type line struct {
	Events string        `json:"events,omitempty"` // the first line: shown, locked, off
	View   *view         `json:"view,omitempty"`
	Sample []viewedEvent `json:"sample,omitempty"`
}

// serve serves one page.
func (l *live) serve(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	// Another site's page could not read it, but take up the places.
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		http.Error(w, "only for the page from here", http.StatusForbidden)
		return
	}
	token, presented := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	allowed := presented && l.allows(token)
	if presented && !allowed {
		http.Error(w, "the token is not the one of this run", http.StatusUnauthorized)
		return
	}
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
	default:
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	s := &stream{live: l, out: w, control: http.NewResponseController(w)}
	if sampler, ok := l.bus.(bus.Sampler); ok && allowed {
		s.sampler = sampler
	}
	s.run(r)
}

// allows compares hashes, so that neither length nor content of the token shows in the time that it takes.
func (l *live) allows(token string) bool {
	hash := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(hash[:], l.token[:]) == 1 && l.events
}

// view returns what is to be seen now, or was a moment ago.
func (l *live) view() view {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.from) >= livePause {
		l.last, l.from = look(l.bus, l.queueFull), now
	}
	return l.last
}

// stream is what one page is sent.
type stream struct {
	live    *live
	out     http.ResponseWriter
	control *http.ResponseController
	sampler bus.Sampler // nil if it is sent no events

	base, shown uint64
	sent        [liveViews]int // events in each of the last pauses
	room        int            // for events in this one
}

// run sends until the page is gone, takes nothing, or the server stops.
func (s *stream) run(r *http.Request) {
	// A server that cannot move its deadlines has none that would be in the way.
	_ = s.control.SetReadDeadline(time.Time{})
	events := "off"
	switch {
	case s.sampler != nil:
		events = "shown"
	case s.live.events:
		events = "locked"
	}
	first := s.live.view()
	s.base = first.Published + first.Arrived
	s.makeRoom(false)
	stop := s.sample()
	defer func() { stop() }()
	if !s.send(line{Events: events}) || !s.send(line{View: &first}) {
		return
	}
	ticker := time.NewTicker(livePause)
	defer ticker.Stop()
	for tick := 1; ; tick++ {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
		taken := stop()
		s.sent[tick%liveViews] = len(taken)
		s.sent[(tick+1)%liveViews] = 0 // a second ago
		s.makeRoom(len(taken) == s.room)
		stop = s.sample()
		s.shown += uint64(len(taken))
		if len(taken) > 0 && !s.send(line{Sample: viewEvents(taken)}) {
			return
		}
		if tick%liveViews == 0 {
			v := s.live.view()
			v.Shown, v.Seen = s.shown, v.Published+v.Arrived-s.base
			if !s.send(line{View: &v}) {
				return
			}
		}
	}
}

// makeRoom lets the next pause have what is left of MaxPageEvents, so that a few events are shown however close they come; if the last one
// was full, there are many, and each pause has its share.
func (s *stream) makeRoom(full bool) {
	s.room = MaxPageEvents
	for _, n := range s.sent {
		s.room -= n
	}
	if full {
		s.room = min(s.room, MaxPageEvents/liveViews)
	}
}

// sample takes the next events.
func (s *stream) sample() (stop func() []*bus.Event) {
	if s.sampler == nil {
		return func() []*bus.Event { return nil }
	}
	return s.sampler.Sample(s.room)
}

// send returns false if the page takes nothing any more.
func (s *stream) send(l line) bool {
	_ = s.control.SetWriteDeadline(time.Now().Add(liveTimeout)) // as above
	return json.NewEncoder(s.out).Encode(l) == nil && s.control.Flush() == nil
}

func viewEvents(events []*bus.Event) []viewedEvent {
	views := make([]viewedEvent, len(events))
	for i, event := range events {
		views[i] = viewEvent(event)
	}
	return views
}
