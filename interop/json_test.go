package interop_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
)

// object is a JSON object. Numbers keep all their digits.
type object = map[string]any

// parse reads a line of JSON.
func parse(t *testing.T, line string) (o object) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&o), "%q", line)
	return o
}

// encode returns the event's own JSON.
func encode(t *testing.T, event *bus.Event) object {
	t.Helper()
	line, err := event.MarshalJSON()
	require.NoError(t, err)
	return parse(t, string(line))
}

// payload returns the payload of an event.
func payload(event object) object {
	o, _ := event["payload"].(object)
	return o
}

// is returns a condition on the source of an event.
func is(source string) func(object) bool {
	return func(event object) bool { return event["source"] == source }
}

// requireSame requires that a client has read the whole event, but for what its times do not hold.
func requireSame(t *testing.T, want *bus.Event, got object, precision time.Duration) {
	t.Helper()
	require.Equal(t, normal(t, "", encode(t, want), precision), normal(t, "", got, precision))
}

// normal gives what may be written in several ways one form: times in their precision and UTC, numbers as fractions. Zeros that say
// "unknown" on the wire are left out there and not in JSON, or the other way round.
func normal(t *testing.T, key string, value any, precision time.Duration) any {
	t.Helper()
	switch value := value.(type) {
	case object:
		same := make(object)
		for name, element := range value {
			same[name] = normal(t, name, element, precision)
		}
		for name, unknown := range map[string]any{"source": "", "sequence": "0", "publisher": "00000000-0000-0000-0000-000000000000"} {
			if same[name] == unknown {
				delete(same, name)
			}
		}
		return same
	case []any:
		same := make([]any, len(value))
		for i, element := range value {
			same[i] = normal(t, "", element, precision)
		}
		return same
	case json.Number:
		return fraction(t, value.String())
	case string:
		switch key {
		case "time", "timestamp", "start_time":
			at, err := time.Parse(time.RFC3339Nano, value)
			require.NoError(t, err)
			return at.UTC().Truncate(precision).Format(time.RFC3339Nano)
		case "bytes_sent": // JavaScript's JSON has no such large numbers, so they are texts
			return fraction(t, value)
		}
	}
	return value
}

func fraction(t *testing.T, number string) string {
	t.Helper()
	r, ok := new(big.Rat).SetString(number)
	require.True(t, ok, number)
	return r.RatString()
}

// unmarshal reads a text that is JSON.
func unmarshal(text string, into any) error { return json.Unmarshal([]byte(text), into) }
