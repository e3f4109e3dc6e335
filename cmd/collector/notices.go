package main

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

// logMissed returns what logs the notices of --print, a line for each: who reads the output learns from the log that it has gaps.
func logMissed(logger *slog.Logger) func(bus.Notice) {
	return func(notice bus.Notice) {
		var attributes []any
		if notice.Lost > 0 {
			attributes = append(attributes, "lost", notice.Lost, "losses", show.Losses(notice.Losses))
		}
		if dropped := notice.Drops.Total(); dropped > 0 {
			attributes = append(attributes, "dropped", dropped, "causes", causes(notice.Drops))
		}
		logger.Warn("--print has missed events", attributes...)
	}
}

// causes returns the drops by cause, those that there were, under the names that they have in JSON. It knows no cause by
// itself, so that none that is added to the bus is missing here.
func causes(drops bus.Drops) string {
	var parts []string
	for field, n := range reflect.ValueOf(drops).Fields() {
		if n.Uint() > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", field.Tag.Get("json"), n.Uint()))
		}
	}
	return strings.Join(parts, " ")
}
