package show_test

import (
	"time"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus/bus"
)

var when = time.Date(2026, 1, 2, 4, 4, 5, 678_900_000, time.FixedZone("", 3600))

// envelope returns an event with everything but the payload in a known state.
func envelope(payload bus.Payload) *bus.Event {
	return &bus.Event{
		ID: uuid.MustParse("01940000-0000-7000-8000-000000000001"), Time: when, Topic: payload.Type().DefaultTopic(), Source: "procmon",
		Payload: payload, Correlation: bus.Correlation{ID: "c", RootID: "c"}, Sequence: 7,
	}
}

// sleep is a process with every field that is shown.
func sleep() *bus.ProcessEvent {
	return &bus.ProcessEvent{
		PID: 4242, PPID: new(uint32(1)), Name: "sleep", ExecutablePath: "/usr/bin/sleep", CommandLine: []string{"sleep", "7", "a b", "", "--x=y"},
		UserID: "1000", CPUUsage: new(12.34), MemoryUsage: new(uint64(3 << 20)), Accessible: true, FileExists: true,
		Timestamp: when.UTC(), Metadata: bus.Metadata{"action": "start"},
	}
}
