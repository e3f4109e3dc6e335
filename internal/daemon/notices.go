package daemon

import (
	"context"
	"log/slog"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

// logMissed returns what logs the notices of --print, a line for each: who reads the output learns from the log that it has gaps.
func logMissed(logger *slog.Logger) func(bus.Notice) {
	return func(notice bus.Notice) {
		var attributes []slog.Attr
		if notice.Lost > 0 {
			attributes = append(attributes, slog.Uint64("lost", notice.Lost), slog.String("losses", show.Losses(notice.Losses)))
		}
		if dropped := notice.Drops.Total(); dropped > 0 {
			attributes = append(attributes, slog.Uint64("dropped", dropped), slog.String("causes", notice.Drops.String()))
		}
		if len(attributes) == 0 {
			return // the connection was lost and found, which the bus logs itself
		}
		logger.LogAttrs(context.Background(), slog.LevelWarn, "--print has missed events", attributes...)
	}
}
