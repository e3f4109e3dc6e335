package bus_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/bus"
)

// briefKeys are the keys that have numbers, as docs/wire.md lists them. None of them may ever get another number.
var briefKeys = map[string][]string{
	"event":       {"id", "time", "topic", "source", "type", "payload", "publisher", "sequence", "correlation", "metadata"},
	"correlation": {"correlation_id", "parent_id", "root_id", "trace_id", "span_id", "sequence", "stage", "tags"},
	"process": {
		"pid", "ppid", "name", "executable_path", "command_line", "start_time", "cpu_usage", "memory_usage", "executable_hash", "hash_algorithm",
		"user_id", "accessible", "file_exists", "timestamp", "metadata",
	},
	"network":     {"connection_id", "protocol", "local_addr", "remote_addr", "state", "pid", "bytes_sent", "bytes_received", "timestamp", "metadata"},
	"filesystem":  {"path", "operation", "pid", "size", "permissions", "file_hash", "timestamp", "metadata"},
	"performance": {"metric_name", "value", "unit", "component", "pid", "timestamp", "metadata"},
	"trigger": {
		"trigger_id", "target_collector", "analysis_type", "priority", "target_pid", "target_path", "correlation_id", "metadata", "timestamp",
	},
	"health": {"id", "status", "interval_ns", "published", "dropped", "lost", "unsent", "timestamp", "metadata"},
}

// inFull returns a map of the brief form with texts for its numbers.
func inFull(t *testing.T, what string, brief any) map[string]any {
	entries, ok := brief.(map[any]any)
	require.True(t, ok, "%s is %T", what, brief)
	document := make(map[string]any)
	for key, value := range entries {
		number, ok := key.(int8)
		require.True(t, ok, "%v of %s is %T", key, what, key)
		document[briefKeys[what][number-1]] = value
	}
	return document
}

// readForeign reads a value with a library that has no part in writing it, and which keeps what keys are.
func readForeign(t *testing.T, data []byte) any {
	decoder := msgpack.NewDecoder(bytes.NewReader(data))
	decoder.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
	value, err := decoder.DecodeInterface()
	require.NoError(t, err)
	return value
}

// texts is a map of texts, as a library reads it that does not know them to be texts.
func texts(of map[string]any, key string) {
	entries, ok := of[key].(map[any]any)
	if !ok {
		return
	}
	converted := make(map[string]any)
	for k, v := range entries {
		converted[k.(string)] = v
	}
	of[key] = converted
}

// TestBriefVectors checks the bytes of the examples in their brief form, and what another implementation makes of them.
func TestBriefVectors(t *testing.T) {
	for name, event := range vectors() {
		t.Run(name, func(t *testing.T) {
			brief, err := event.MarshalBrief(nil)
			require.NoError(t, err)
			file := filepath.Join("../testdata/wire", name+".brief")
			if *update {
				require.NoError(t, os.WriteFile(file, brief, 0o644))
			}
			golden, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, golden, brief)
			full, err := event.MarshalMsg(nil)
			require.NoError(t, err)
			var want map[string]any
			require.NoError(t, msgpack.Unmarshal(full, &want))
			delete(want, "topic")

			got := inFull(t, "event", readForeign(t, brief))
			got["correlation"] = inFull(t, "correlation", got["correlation"])
			texts(got["correlation"].(map[string]any), "tags")
			texts(got, "metadata")
			if kind := got["type"].(string); kind == "usb" {
				texts(got, "payload") // it is as it came
			} else {
				got["payload"] = inFull(t, kind, got["payload"])
				texts(got["payload"].(map[string]any), "metadata")
			}
			require.Equal(t, normalize(t, want), normalize(t, got))
		})
	}
}

// TestBriefProperties has events of each type at random, some with the correlation that the first event of a workflow gets. They
// arrive as they left, but for what the receiver knows.
func TestBriefProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := drawEvent(t)
		first := rapid.Bool().Draw(t, "first")
		if first {
			event.Correlation = bus.Correlation{ID: event.ID.String(), RootID: event.ID.String()}
		}
		buffer := make([]byte, 0, event.Msgsize())
		encoded, err := event.MarshalBrief(buffer)
		require.NoError(t, err)
		require.Same(t, &buffer[:1][0], &encoded[0], "encoded in place")
		shuffled := shuffled(t, encoded)
		event.Topic = ""
		if first {
			event.Correlation = bus.Correlation{}
		}
		for _, data := range [][]byte{shuffled, encoded} {
			var got bus.Event
			rest, err := got.UnmarshalMsg(append(data, "the next"...))
			require.NoError(t, err)
			require.Equal(t, "the next", string(rest))
			overwrite(data)
			require.Equal(t, event, &got)
		}
	})
}

// TestBriefKeepsWhatTheIDDoesNotSay has correlations that differ from an event's own in one thing.
func TestBriefKeepsWhatTheIDDoesNotSay(t *testing.T) {
	id := uuid.New()
	for name, change := range map[string]func(*bus.Correlation){
		"id":       func(c *bus.Correlation) { c.ID, c.RootID = uuid.NewString(), c.ID },
		"both":     func(c *bus.Correlation) { c.ID = uuid.NewString(); c.RootID = c.ID },
		"case":     func(c *bus.Correlation) { c.ID = "X" + c.ID[1:]; c.RootID = c.ID },
		"short":    func(c *bus.Correlation) { c.ID, c.RootID = c.ID[1:], c.ID[1:] },
		"root":     func(c *bus.Correlation) { c.RootID = "" },
		"parent":   func(c *bus.Correlation) { c.ParentID = "p" },
		"trace":    func(c *bus.Correlation) { c.TraceID = "t" },
		"span":     func(c *bus.Correlation) { c.SpanID = "s" },
		"sequence": func(c *bus.Correlation) { c.Sequence = 1 },
		"stage":    func(c *bus.Correlation) { c.Stage = "s" },
		"tags":     func(c *bus.Correlation) { c.Tags = bus.Metadata{"k": "v"} },
	} {
		event := usual()
		event.ID, event.Correlation = id, bus.Correlation{ID: id.String(), RootID: id.String()}
		change(&event.Correlation)
		encoded, err := event.MarshalBrief(nil)
		require.NoError(t, err)
		var got bus.Event
		_, err = got.UnmarshalMsg(encoded)
		require.NoError(t, err)
		require.Equal(t, event.Correlation, got.Correlation, name)
	}
}

// TestNumbersOfTomorrowAreSkipped has keys that a later version might add, as numbers and as texts, everywhere.
func TestNumbersOfTomorrowAreSkipped(t *testing.T) {
	later := []any{1, map[string]any{"deep": nil}}
	var event bus.Event
	var data bytes.Buffer
	encoder := msgpack.NewEncoder(&data)
	encoder.UseCompactInts(true)
	require.NoError(t, encoder.Encode(map[any]any{
		5: "process", 99: later, "a_key": later, 9: map[any]any{7: "stage", 100: later},
		6: map[any]any{1: 7, 3: "p", 14: vectorTime, 101: later, "another": later},
	}))
	_, err := event.UnmarshalMsg(data.Bytes())
	require.NoError(t, err)
	require.NoError(t, event.Validate())
	require.Equal(t, &bus.ProcessEvent{PID: 7, Name: "p", Timestamp: vectorTime}, event.Payload)
	require.Equal(t, bus.Correlation{Stage: "stage"}, event.Correlation)
}

func TestBriefTruncated(t *testing.T) {
	for name, event := range vectors() {
		encoded, err := event.MarshalBrief(nil)
		require.NoError(t, err)
		for n := range encoded {
			var got bus.Event
			_, err := got.UnmarshalMsg(encoded[:n])
			require.ErrorIs(t, err, bus.ErrInvalid, "%s cut to %d bytes", name, n)
		}
	}
}

func TestBriefWithoutPayload(t *testing.T) {
	_, err := new(bus.Event).MarshalBrief(nil)
	require.ErrorIs(t, err, bus.ErrInvalid)
}
