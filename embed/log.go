package embed

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/time/rate"
)

// serverLog passes the NATS server's messages on. What would end the process in the server's own logger is kept as the
// reason why Start failed.
type serverLog struct {
	logger  *slog.Logger
	clients rate.Sometimes // about them
	leaf    *leafLog       // nil without a hub

	mu    sync.Mutex // guards fatal
	fatal error
}

var _ server.Logger = (*serverLog)(nil)

// Noticef implements [server.Logger]. Notices tell of every step of the start, so they are details here.
func (l *serverLog) Noticef(format string, v ...any) {
	if l.leaf != nil && strings.Contains(format, "closed") {
		if text := fmt.Sprintf(format, v...); isLeaf(text) {
			l.leaf.closed(text)
		}
	}
	l.log(slog.LevelDebug, format, v)
}

// Warnf implements [server.Logger].
func (l *serverLog) Warnf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	level := slog.LevelWarn
	switch {
	case l.leaf != nil && isLeaf(text):
		level = slog.LevelDebug
	case isClient(text):
		level = l.clientLevel()
	}
	l.log(level, "%s", []any{text})
}

// Errorf implements [server.Logger]. What is wrong with the hub is a detail: leafLog says it once.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	level := slog.LevelError
	switch {
	case l.leaf != nil && isLeaf(text):
		level = slog.LevelDebug
		l.leaf.note(text)
	case isClient(text):
		level = l.clientLevel()
	}
	l.log(level, "%s", []any{text})
}

// isClient reports whether a message of the server is about a client, which it names by the ID of its connection.
func isClient(text string) bool { return strings.Contains(text, " - cid:") }

// clientLevel is that of the next message about a client. What clients do wrong again and again must not fill the log: there is one
// a second, and the others are details.
func (l *serverLog) clientLevel() slog.Level {
	level := slog.LevelDebug
	l.clients.Do(func() { level = slog.LevelWarn })
	return level
}

// Debugf implements [server.Logger].
func (l *serverLog) Debugf(format string, v ...any) { l.log(slog.LevelDebug, format, v) }

// Tracef implements [server.Logger]. Tracing is never switched on: it would show what the messages hold.
func (l *serverLog) Tracef(format string, v ...any) { l.log(slog.LevelDebug, format, v) }

// Fatalf implements [server.Logger]. It returns, and so does the server's method that called it.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.log(slog.LevelError, format, v)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == nil {
		l.fatal = fmt.Errorf(format, v...)
	}
}

// err returns the first fatal message, or nil.
func (l *serverLog) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

func (l *serverLog) log(level slog.Level, format string, v []any) {
	ctx := context.Background()
	if l.logger.Enabled(ctx, level) {
		l.logger.Log(ctx, level, "the NATS server says", "text", fmt.Sprintf(format, v...))
	}
}
