package eventbus_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
)

// limits is a section.
type limits struct {
	Every time.Duration `toml:"every"`
	Names []string      `toml:"names"`
	Rate  float64       `toml:"rate"`
	On    bool          `toml:"on"`
}

func (l *limits) Validate() error {
	if l.Every > time.Hour {
		return &eventbus.ConfigError{Key: "limits.every", Reason: "must be an hour at most"}
	}
	return nil
}

func TestValuesAreWhatSetTakes(t *testing.T) {
	config := eventbus.Config{Overflow: bus.DropOldest}
	config.NATS.Users = []string{"1=observer"}
	from := limits{Every: time.Minute, Names: []string{"a,b", "c"}, Rate: 1.5, On: true}
	values := eventbus.Values(config, eventbus.Section{Name: "limits", Into: &from})
	require.Contains(t, values, eventbus.Value{Key: "event_bus.overflow", Value: "drop-oldest"})
	require.Contains(t, values, eventbus.Value{Key: "event_bus.queue_capacity", Value: int64(1024)})
	require.Contains(t, values, eventbus.Value{Key: "limits.every", Value: "1m"})
	require.Contains(t, values, eventbus.Value{Key: "limits.names", Value: []any{"a,b", "c"}})

	var copied eventbus.Config
	var into limits
	for _, value := range values {
		require.NoError(t, eventbus.Set(&copied, value.Key, value.Value, eventbus.Section{Name: "limits", Into: &into}), value.Key)
	}
	require.Equal(t, from, into)
	require.Equal(t, config.WithDefaults().Overflow, copied.Overflow)
	require.Equal(t, config.NATS.Users, copied.NATS.Users)
}

func TestSetChangesNothingIfThereIsAProblem(t *testing.T) {
	for _, tt := range []struct {
		key   string
		value any
		want  string
	}{
		{"event_bus.queue_capacity", int64(0), ""}, // the default
		{"event_bus.queue_capacity", int64(-1), "event_bus.queue_capacity = -1: must be 1 to"},
		{"event_bus.queue_capacity", "many", `event_bus.queue_capacity = "many": must be a whole number`},
		{"event_bus.queue_capacity", nil, "must be a whole number"},
		{"event_bus.queue_capacities", int64(1), "unknown key, did you mean event_bus.queue_capacity?"},
		{"event_bus", map[string]any{"overflow": "block"}, "must be a table"},
		{"limits.every", "2h", "limits.every: must be an hour at most"},
		{"limits.every", int64(5), `must be a duration`},
		{"limits.names", []any{"a", int64(1)}, "element 2 must be a string"},
		{"limits", "x", "must be a table"},
		{"", "x", "unknown key"},
		{".", "x", "unknown key"},
	} {
		config, section := eventbus.Config{QueueCapacity: 5}, limits{Names: []string{"before"}}
		err := eventbus.Set(&config, tt.key, tt.value, eventbus.Section{Name: "limits", Into: &section})
		if tt.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, tt.want)
		require.Equal(t, eventbus.Config{QueueCapacity: 5}, config)
		require.Equal(t, limits{Names: []string{"before"}}, section)
	}
}
