package bus_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

// TestTheSameEntryIsAtFaultEachTime: maps have no order, but what is refused twice gets the same error twice, which can be printed.
func TestTheSameEntryIsAtFaultEachTime(t *testing.T) {
	for range 50 {
		tooLong := func(keys ...string) (m bus.Metadata) {
			m = bus.Metadata{"a": "fits", "z": "fits"}
			for _, key := range keys {
				m[key] = strings.Repeat("x", bus.MaxMetadataValue+1)
			}
			return m
		}
		event := bus.Event{Payload: &bus.ProcessEvent{}, Metadata: tooLong("d", "b", "c")}
		require.ErrorContains(t, event.Validate(), "invalid metadata.b ")
		event.Metadata = tooLong("d", "b\x1b[2J", "c")
		require.ErrorContains(t, event.Validate(), `invalid metadata.b\x1b[2J `)
		event.Metadata = tooLong("d", strings.Repeat("b", bus.MaxMetadataKey+1), "c")
		require.ErrorContains(t, event.Validate(), `invalid metadata key "bbb`)
		event.Metadata = nil
		event.Payload = &bus.ProcessEvent{Metadata: tooLong("d", "b", "c")}
		require.ErrorContains(t, event.Validate(), "invalid payload.metadata.b ")
		event.Payload = &bus.ProcessEvent{}
		event.Correlation.Tags = tooLong("d", "b", "c")
		require.ErrorContains(t, event.Validate(), "invalid correlation.tags.b ")
	}
}
