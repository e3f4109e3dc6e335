package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// exclusion is a value of --not.
type exclusion struct {
	text    string
	pattern string                // of topics, which the bus leaves out; otherwise empty
	matches func(*bus.Event) bool // for what the bus cannot leave out; otherwise nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. No pattern has an equals sign.
func (e *exclusion) UnmarshalText(text []byte) error {
	e.text = string(text)
	name, value, ok := strings.Cut(e.text, "=")
	if !ok {
		e.pattern = e.text
		_, err := subjects.ParsePattern(e.pattern)
		return err
	}
	switch name {
	case "type":
		e.matches = func(event *bus.Event) bool { return string(event.Type()) == value }
		return checkType(bus.EventType(value))
	case "source":
		e.matches = func(event *bus.Event) bool { return event.Source == value }
	case "stage":
		e.matches = func(event *bus.Event) bool { return event.Correlation.Stage == value }
	case "pid":
		excluded, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return fmt.Errorf("%q: must be pid= and a number of 0 to 4294967295", text)
		}
		e.matches = func(event *bus.Event) bool {
			pid, about := event.PID()
			return about && uint64(pid) == excluded
		}
	default:
		return fmt.Errorf("%q: must be a topic or pattern, type=TYPE, source=NAME, pid=PID or stage=STAGE", text)
	}
	return nil
}
