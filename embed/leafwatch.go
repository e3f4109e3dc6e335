package embed

import (
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// leafInterval is how soon it is noticed that the hub is away, or back. An attempt to reach it again comes later.
	leafInterval = 200 * time.Millisecond
	// leafPatience is how long the hub may take at the start before that is worth a warning, and how long it must be back to be back.
	leafPatience = 2 * time.Second
)

// leafLog tells of the hub in two lines, once it is away and once it is back, whatever the server says about each attempt.
type leafLog struct {
	logger *slog.Logger
	hub    string

	mu     sync.Mutex // guards reason
	reason string     // the last error
}

// isLeaf reports whether a message of the server is about the connection to the hub.
func isLeaf(text string) bool {
	return strings.Contains(text, " - lid") || strings.Contains(text, "connect as leafnode")
}

// note keeps what may become the reason in a warning.
func (l *leafLog) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reason = text
}

// closed keeps how a connection has ended, if there was no error before.
func (l *leafLog) closed(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason == "" {
		l.reason = text
	}
}

func (l *leafLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reason
}

// watch looks after the connection until quit is closed.
func (l *leafLog) watch(joined func() bool, quit <-chan struct{}) {
	ticker := time.NewTicker(leafInterval)
	defer ticker.Stop()
	const unknown, here, away = 0, 1, 2
	told, was, changed, left := unknown, false, time.Now(), time.Now()
	for {
		select {
		case <-ticker.C:
		case <-quit:
			return
		}
		is := joined()
		if is != was {
			was, changed = is, time.Now()
			if is {
				l.note("") // it has nothing to do with the next time
			}
		}
		long := time.Since(changed) > leafPatience
		switch {
		case is && told == unknown:
			told = here
			l.logger.Info("joined the hub as a leaf node", "hub", l.hub)
		case is && told == away && long: // a connection that is gone again at once is none
			told = here
			l.logger.Info("the hub is back", "hub", l.hub, "away", changed.Sub(left).Round(time.Millisecond))
		case !is && told == here:
			told, left = away, changed
			l.logger.Warn("the hub is away; its subscribers miss what is published meanwhile", "hub", l.hub, "reason", l.last())
		case !is && told == unknown && long:
			told, left = away, changed
			l.logger.Warn("cannot join the hub; trying on", "hub", l.hub, "reason", l.last())
		}
	}
}
