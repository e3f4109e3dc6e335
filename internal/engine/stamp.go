package engine

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/bus"
)

// stamp validates a caller's event and returns the copy that travels.
func (e *Engine) stamp(event bus.Event) (*bus.Event, error) {
	if err := event.Validate(); err != nil {
		return nil, err
	}
	if event.Topic == "" {
		if event.Topic = event.Type().DefaultTopic(); event.Topic == "" {
			return nil, &bus.InvalidError{Field: "topic", Reason: fmt.Sprintf("type %q has no default topic", event.Type())}
		}
	}
	if err := Complete(&event); err != nil {
		return nil, err
	}
	event.Publisher = e.publisher
	if size := event.Msgsize(); size > e.options.MaxEventSize {
		return nil, &bus.InvalidError{
			Field: "event", Value: fmt.Sprint(size, " bytes"),
			Reason: fmt.Sprintf("at most %d allowed", e.options.MaxEventSize), Err: bus.ErrTooLarge,
		}
	}
	return &event, nil
}

// Complete fills what an event's publisher left zero: ID, time and correlation.
func Complete(event *bus.Event) error {
	if event.ID == uuid.Nil {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("bus: no event ID: %w", err)
		}
		event.ID = id
	}
	// Round strips the monotonic reading, which no wire carries.
	if event.Time.IsZero() {
		event.Time = time.Now().Round(0).UTC()
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
	return nil
}
