package eventbus_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bus.toml")
	require.NoError(t, os.WriteFile(file, []byte(`[event_bus]
buffer_size = 7
overflow = "drop-oldest"
nats = { users = ["1001=observer"], url = "nats://me:secret@host:4222" }

[collect]
paths = ["/etc", "/usr"]
share = 0.5
inner.name = "x"
`), 0o600))
	section := collectTable{Interval: 90 * time.Minute, Workers: 3, Nice: -1}
	values, warnings, err := eventbus.Explain(file, []string{"EVENTBUS_COLLECT__HASH=true", "EVENTBUS_NATS__MAX_PAYLOAD=1024"},
		eventbus.Section{Name: "collect", Into: &section})
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	require.True(t, section.Hash, "the section is set")
	byKey := make(map[string]eventbus.Value)
	var keys []string
	for _, value := range values {
		byKey[value.Key] = value
		keys = append(keys, value.Key)
	}
	require.Equal(t, []string{"event_bus.bus_type", "event_bus.max_subscribers", "event_bus.queue_capacity"}, keys[:3], "in the order of the fields")
	require.Equal(t, "collect.inner.url", keys[len(keys)-1])
	for key, want := range map[string]eventbus.Value{
		"event_bus.bus_type":             {Value: "nats", Origin: eventbus.OriginDefault},
		"event_bus.queue_capacity":       {Value: int64(7), Origin: file + ":2"},
		"event_bus.overflow":             {Value: "drop-oldest", Origin: file + ":3"},
		"event_bus.publish_timeout":      {Value: "5s", Origin: eventbus.OriginDefault},
		"event_bus.circuit_break.window": {Value: "10s", Origin: eventbus.OriginDefault},
		"event_bus.nats.users":           {Value: []any{"1001=observer"}, Origin: file + ":4"},
		"event_bus.nats.url":             {Value: "nats://host:4222", Origin: file + ":4"},
		"event_bus.nats.max_payload":     {Value: "1KiB", Origin: "EVENTBUS_NATS__MAX_PAYLOAD"},
		"collect.process_interval":       {Value: "1h30m", Origin: eventbus.OriginDefault},
		"collect.paths":                  {Value: []any{"/etc", "/usr"}, Origin: file + ":7"},
		"collect.hash":                   {Value: true, Origin: "EVENTBUS_COLLECT__HASH"},
		"collect.level":                  {Value: "INFO", Origin: eventbus.OriginDefault},
		"collect.workers":                {Value: uint64(3), Origin: eventbus.OriginDefault},
		"collect.nice":                   {Value: int64(-1), Origin: eventbus.OriginDefault},
		"collect.share":                  {Value: 0.5, Origin: file + ":8"},
		"collect.inner.name":             {Value: "x", Origin: file + ":9"},
	} {
		want.Key = key
		require.Equal(t, want, byKey[key])
	}
	text, err := json.Marshal(byKey["event_bus.queue_capacity"])
	require.NoError(t, err)
	require.JSONEq(t, `{"key":"event_bus.queue_capacity","value":7,"origin":"`+file+`:2"}`, string(text))
}

// Every key is there, also without a file.
func TestExplainHasEveryKey(t *testing.T) {
	t.Parallel()
	values, warnings, err := eventbus.Explain("", nil)
	require.NoError(t, err)
	require.Empty(t, warnings)
	found := make(map[string]bool)
	for _, value := range values {
		require.Equal(t, eventbus.OriginDefault, value.Origin)
		found[value.Key] = true
	}
	tables := map[string]bool{"event_bus": true, "event_bus.nats": true, "event_bus.nats.leaf": true, "event_bus.circuit_break": true}
	for _, key := range eventbus.Keys() {
		require.NotEqual(t, tables[key], found[key], key)
	}
}

func TestExplainFailsAsLoadDoes(t *testing.T) {
	t.Parallel()
	_, _, err := eventbus.Explain("", []string{"EVENTBUS_QUEUE_CAPACITY=0x", "EVENTBUS_OVERFLO=block"})
	require.ErrorContains(t, err, "EVENTBUS_QUEUE_CAPACITY: event_bus.queue_capacity")
	require.ErrorContains(t, err, "EVENTBUS_OVERFLO: event_bus.overflo: unknown key")
	_, _, err = eventbus.Explain(filepath.Join(t.TempDir(), "missing.toml"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = eventbus.Explain("", nil, eventbus.Section{Name: "event_bus"})
	require.Error(t, err)
}

func TestExplainShowsNoPassword(t *testing.T) {
	t.Parallel()
	values, _, err := eventbus.Explain("", []string{"EVENTBUS_NATS__URL=nats://me:secret@a,nats://token@b", "EVENTBUS_NATS__LEAF__HUB=tls://me:secret@c:7422"})
	require.NoError(t, err)
	text, err := json.Marshal(values)
	require.NoError(t, err)
	require.NotContains(t, string(text), "secret")
	require.NotContains(t, string(text), "token@")
	require.Contains(t, string(text), "tls://c:7422")
}
