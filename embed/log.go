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
	logger     *slog.Logger
	violations rate.Sometimes
	leaf       *leafLog // nil without a hub

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
	if l.leaf != nil && isLeaf(text) {
		level = slog.LevelDebug
	}
	l.log(level, "%s", []any{text})
}

// Errorf implements [server.Logger]. What a client does wrong again and again must not fill the log: of violations there is one a
// second, and the others are details. So is what is wrong with the hub: leafLog says it once.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	level := slog.LevelDebug
	switch {
	case l.leaf != nil && isLeaf(text):
		l.leaf.note(text)
	case strings.Contains(strings.ToLower(text), "violation"), strings.Contains(text, server.ErrAuthentication.Error()):
		l.violations.Do(func() { level = slog.LevelWarn })
	default:
		level = slog.LevelError
	}
	l.log(level, "%s", []any{text})
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
