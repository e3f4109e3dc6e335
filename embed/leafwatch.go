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
	// leafPatience is how long the hub may take at the start before that is worth a warning.
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

func (l *leafLog) take() (reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	reason, l.reason = l.reason, ""
	return reason
}

// watch looks after the connection until quit is closed.
func (l *leafLog) watch(joined func() bool, quit <-chan struct{}) {
	ticker := time.NewTicker(leafInterval)
	defer ticker.Stop()
	since, was, warned := time.Now(), false, false
	for {
		select {
		case <-ticker.C:
		case <-quit:
			return
		}
		is := joined()
		switch {
		case is && !was:
			l.take()
			l.logger.Info("joined the hub as a leaf node", "hub", l.hub, "after", time.Since(since).Round(time.Millisecond))
			warned = false
		case !is && was:
			l.logger.Warn("the hub is away; its subscribers miss what is published meanwhile", "hub", l.hub, "reason", l.take())
			since, warned = time.Now(), true
		case !is && !warned && time.Since(since) > leafPatience:
			l.logger.Warn("cannot join the hub; trying on", "hub", l.hub, "reason", l.take())
			warned = true
		}
		was = is
	}
}
