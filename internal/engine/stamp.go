package engine

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/bus"
)

// stamp validates a caller's event and returns the copy that travels.
func (e *Engine) stamp(in *bus.Event) (*Item, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	wall, now := e.clock.both()
	item := &Item{Event: *in, arrived: now}
	event := &item.Event
	if event.Topic == "" {
		if event.Topic = event.Type().DefaultTopic(); event.Topic == "" {
			return nil, &bus.InvalidError{Field: "topic", Reason: fmt.Sprintf("type %q has no default topic", event.Type())}
		}
	}
	e.complete(event, wall)
	event.Publisher = e.publisher
	size := event.Msgsize()
	if size > e.options.MaxEventSize {
		return nil, &bus.InvalidError{
			Field: "event", Value: fmt.Sprint(size, " bytes"),
			Reason: fmt.Sprintf("at most %d allowed", e.options.MaxEventSize), Err: bus.ErrTooLarge,
		}
	}
	item.size = uint64(size)
	return item, nil
}

// Complete fills what the publisher of an event from outside left zero: ID, time and correlation.
func (e *Engine) Complete(event *bus.Event) {
	var wall int64
	if event.ID == uuid.Nil || event.Time.IsZero() { // otherwise nothing depends on it, and reading the clock would show
		wall, _ = e.clock.both()
	}
	e.complete(event, wall)
}

// complete fills in what depends on the time, which is in Unix nanoseconds.
func (e *Engine) complete(event *bus.Event, unix int64) {
	if event.ID == uuid.Nil {
		event.ID = e.ids.next(unix)
	}
	if event.Time.IsZero() {
		event.Time = time.Unix(0, unix).UTC()
	} else {
		event.Time = event.Time.Round(0).UTC()
	}
	// The first event of a workflow lends it its ID.
	if event.Correlation.ID == "" {
		event.Correlation.ID = event.ID.String()
	}
	if event.Correlation.RootID == "" {
		event.Correlation.RootID = event.Correlation.ID
	}
}
