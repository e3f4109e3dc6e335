package bus_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// go test ./bus -run TestWireVectors -update writes testdata/wire anew from vectors.
var update = flag.Bool("update", false, "write the golden files anew")

var vectorTime = time.Date(2026, 3, 4, 5, 6, 7, 890123456, time.UTC)

// vectors are the events of testdata/wire: every field set, and as few as possible. Maps have one entry, because the order
// of several is not fixed.
func vectors() map[string]*bus.Event {
	correlation := bus.Correlation{
		ID: "c-2", ParentID: "c-1", RootID: "c-0", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", SpanID: "00f067aa0ba902b7",
		Sequence: 2, Stage: "detect", Tags: bus.Metadata{"case": "17"},
	}
	full := func(topic string, payload bus.Payload) *bus.Event {
		return &bus.Event{
			ID: uuid.MustParse("019591f0-1234-7abc-8def-0123456789ab"), Time: vectorTime, Topic: topic, Source: "collector", Payload: payload,
			Correlation: correlation, Publisher: uuid.MustParse("6f1c5b9e-0b1a-4c3d-9e8f-aabbccddeeff"), Sequence: 1 << 33, Metadata: bus.Metadata{"route": "a"},
		}
	}
	bare := func(topic string, payload bus.Payload) *bus.Event {
		return &bus.Event{ID: uuid.MustParse("019591f0-1234-7abc-8def-0123456789ab"), Time: vectorTime, Topic: topic, Payload: payload}
	}
	return map[string]*bus.Event{
		"process-full": full(subjects.ProcessLifecycle, &bus.ProcessEvent{
			PID: 4242, PPID: new(uint32(1)), Name: "näme", ExecutablePath: "/usr/bin/sleep", CommandLine: []string{"sleep", "7"},
			StartTime: vectorTime.Add(-time.Hour), CPUUsage: new(12.5), MemoryUsage: new(uint64(1 << 40)), ExecutableHash: "9f86d0", HashAlgorithm: "sha256",
			UserID: "1000", Accessible: true, FileExists: true, Timestamp: vectorTime, Metadata: bus.Metadata{"action": "start"},
		}),
		"process-bare": bare(subjects.ProcessLifecycle, &bus.ProcessEvent{PID: 2, Name: "kthreadd", Timestamp: vectorTime}),
		"network-full": full(subjects.NetworkConnections, &bus.NetworkEvent{
			ConnectionID: "tcp-1", Protocol: "tcp", LocalAddr: "127.0.0.1:22", RemoteAddr: "[::1]:50000", State: "established", PID: new(uint32(7)),
			BytesSent: new(uint64(0)), BytesReceived: new(uint64(99)), Timestamp: vectorTime, Metadata: bus.Metadata{"action": "opened"},
		}),
		"filesystem-full": full(subjects.FilesystemOperations, &bus.FilesystemEvent{
			Path: "/etc/passwd", Operation: "write", PID: new(uint32(7)), Size: new(uint64(1024)), Permissions: "0644", FileHash: "9f86d0",
			Timestamp: vectorTime, Metadata: bus.Metadata{"action": "write"},
		}),
		"performance-full": full(subjects.PerformanceUtilization, &bus.PerformanceEvent{
			MetricName: "cpu_usage", Value: 99.25, Unit: "percent", Component: "cpu0", PID: new(uint32(7)), Timestamp: vectorTime, Metadata: bus.Metadata{"k": "v"},
		}),
		"trigger-full": full(subjects.ControlTriggerRequest, &bus.TriggerRequest{
			TriggerID: "t-1", TargetCollector: "hasher", AnalysisType: bus.AnalysisBinaryHash, Priority: bus.PriorityHigh, TargetPID: new(uint32(7)),
			TargetPath: "/bin/true", CorrelationID: "c-2", Metadata: bus.Metadata{"k": "v"}, Timestamp: vectorTime,
		}),
		"health-full": full("control.health.heartbeat.collector-web-1", &bus.HealthEvent{
			ID: "collector-web-1", Status: bus.HealthDegraded, Interval: 10 * time.Second, Published: 1 << 40, Dropped: 7, Lost: 2, Unsent: 1,
			Timestamp: vectorTime, Metadata: bus.Metadata{"k": "v"},
		}),
		"raw": bare("events.usb.plugged", &bus.Raw{Name: "usb", Data: []byte{0x81, 0xa4, 'p', 'o', 'r', 't', 3}}),
	}
}

func TestWireVectors(t *testing.T) {
	const dir = "../testdata/wire"
	for name, event := range vectors() {
		t.Run(name, func(t *testing.T) {
			encoded, err := event.MarshalMsg(nil)
			require.NoError(t, err)
			text, err := json.MarshalIndent(event, "", "  ")
			require.NoError(t, err)
			binaryFile, textFile := filepath.Join(dir, name+".msgpack"), filepath.Join(dir, name+".json")
			if *update {
				require.NoError(t, os.MkdirAll(dir, 0o755))
				require.NoError(t, os.WriteFile(binaryFile, encoded, 0o644))
				require.NoError(t, os.WriteFile(textFile, append(text, '\n'), 0o644))
			}
			golden, err := os.ReadFile(binaryFile)
			require.NoError(t, err)
			require.Equal(t, golden, encoded)
			goldenText, err := os.ReadFile(textFile)
			require.NoError(t, err)
			require.Equal(t, string(goldenText), string(text)+"\n")

			var decoded bus.Event
			rest, err := decoded.UnmarshalMsg(golden)
			require.NoError(t, err)
			require.Empty(t, rest)
			require.Equal(t, event, &decoded)
			require.NoError(t, decoded.Validate())
		})
	}
}

// TestWireVectorsByAnotherImplementation reads the vectors with a library that has no part in writing them, and compares with
// their JSON form.
func TestWireVectorsByAnotherImplementation(t *testing.T) {
	files, err := filepath.Glob("../testdata/wire/*.msgpack")
	require.NoError(t, err)
	require.Len(t, files, len(vectors()))
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			var decoded map[string]any
			require.NoError(t, msgpack.Unmarshal(data, &decoded))
			text, err := os.ReadFile(file[:len(file)-len("msgpack")] + "json")
			require.NoError(t, err)
			var want map[string]any
			require.NoError(t, json.Unmarshal(text, &want))

			for _, key := range []string{"id", "publisher"} {
				raw, ok := decoded[key].([]byte)
				require.True(t, ok, "%s is %T", key, decoded[key])
				id, err := uuid.FromBytes(raw)
				require.NoError(t, err)
				if decoded[key] = id.String(); id == uuid.Nil && want[key] == nil {
					delete(decoded, key)
				}
			}
			moment, ok := decoded["time"].(time.Time)
			require.True(t, ok, "time is %T", decoded["time"])
			require.True(t, vectorTime.Equal(moment))
			got := normalize(t, decoded)
			require.Equal(t, normalize(t, want), got)
		})
	}
}

// normalize makes a document comparable: times in UTC, all numbers alike, and without the keys that JSON always has and the
// wire only if they are not empty.
func normalize(t *testing.T, document map[string]any) map[string]any {
	var utc func(any) any
	utc = func(v any) any {
		switch v := v.(type) {
		case time.Time:
			return v.UTC()
		case map[string]any:
			for key := range v {
				v[key] = utc(v[key])
			}
		}
		return v
	}
	text, err := json.Marshal(utc(document))
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(text, &out))
	if out["source"] == "" {
		delete(out, "source")
	}
	if correlation, ok := out["correlation"].(map[string]any); ok {
		for key, value := range correlation {
			if value == "" || value == 0.0 {
				delete(correlation, key)
			}
		}
	}
	return out
}

// foreign encodes a map with another library, as a plain NATS client would.
func foreign(t testing.TB, document map[string]any) []byte {
	data, err := msgpack.Marshal(document)
	require.NoError(t, err)
	return data
}

func TestUnmarshalForeign(t *testing.T) {
	id := uuid.New()
	payload := map[string]any{
		"pid": int8(7), "name": "x", "command_line": []string{"x", "y"}, "cpu_usage": float32(1.5), "timestamp": vectorTime,
		"a_key_of_tomorrow": map[string]any{"deep": []any{1, nil, true}},
		"metadata":          map[string]any{"text": "t", "int": -5, "uint": uint64(1 << 63), "float": 2.5, "bool": true, "time": vectorTime, "nested": []int{1}, "nil": nil},
	}
	var event bus.Event
	_, err := event.UnmarshalMsg(foreign(t, map[string]any{
		"payload": payload, "id": id[:], "time": vectorTime, "type": "process", "x-unknown": []any{1, "two"}, "metadata": nil,
	}))
	require.NoError(t, err)
	require.Equal(t, id, event.ID)
	require.Equal(t, vectorTime, event.Time)
	process := event.Payload.(*bus.ProcessEvent)
	require.Equal(t, uint32(7), process.PID)
	require.Equal(t, []string{"x", "y"}, process.CommandLine)
	require.Equal(t, 1.5, *process.CPUUsage)
	require.Nil(t, process.PPID)
	require.Equal(t, bus.Metadata{
		"text": "t", "int": "-5", "uint": "9223372036854775808", "float": "2.5", "bool": "true", "time": "2026-03-04T05:06:07.890123456Z",
	}, process.Metadata)
}

// A language with one kind of number writes a whole one as an integer.
func TestUnmarshalWholeNumbersAsFloats(t *testing.T) {
	for _, whole := range []any{0, 42, -7, uint8(200), int64(math.MinInt64), uint64(1) << 63, float32(42), 42.0} {
		data := foreign(t, map[string]any{"type": "performance", "payload": map[string]any{
			"value": whole, "metric_name": "load", "unit": "1", "component": "cpu",
		}})
		var event bus.Event
		_, err := event.UnmarshalMsg(data)
		require.NoError(t, err, "%T", whole)
		want, ok := new(big.Float).SetString(fmt.Sprint(whole))
		require.True(t, ok)
		value, _ := want.Float64()
		require.Equal(t, value, event.Payload.(*bus.PerformanceEvent).Value)

		data = foreign(t, map[string]any{"type": "process", "payload": map[string]any{"pid": 7, "name": "p", "cpu_usage": whole}})
		_, err = event.UnmarshalMsg(data)
		require.NoError(t, err, "%T", whole)
		require.Equal(t, value, *event.Payload.(*bus.ProcessEvent).CPUUsage)
	}
	var event bus.Event
	_, err := event.UnmarshalMsg(foreign(t, map[string]any{"type": "performance", "payload": map[string]any{"value": "42"}}))
	require.Error(t, err, "a text is no number")
}

// TestUnmarshalMetadataTimes has a time of each size as the last value of a message, where nothing follows it.
func TestUnmarshalMetadataTimes(t *testing.T) {
	for _, moment := range []time.Time{time.Unix(1, 0), vectorTime, time.Date(1900, 1, 1, 0, 0, 0, 1, time.UTC)} {
		data, err := msgpack.Marshal(map[string]any{"at": moment})
		require.NoError(t, err)
		var m bus.Metadata
		rest, err := m.UnmarshalMsg(data)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, bus.Metadata{"at": moment.UTC().Format(time.RFC3339Nano)}, m)
	}
	var m bus.Metadata
	_, err := m.UnmarshalMsg([]byte{0x82, 0xa1, 'x', 0xd4, 5, 0, 0xa1, 'y', 0xa1, 'z'}) // an extension that is no time
	require.NoError(t, err)
	require.Equal(t, bus.Metadata{"y": "z"}, m)
}

func TestUnmarshalRefuses(t *testing.T) {
	valid := func() map[string]any {
		return map[string]any{"type": "process", "payload": map[string]any{"pid": 1, "timestamp": vectorTime}}
	}
	changed := func(key string, value any) []byte {
		document := valid()
		if document[key] = value; value == nil {
			delete(document, key)
		}
		return foreign(t, document)
	}
	for _, c := range []struct {
		name, field string
		data        []byte
	}{
		{"nothing", "event", nil},
		{"a text", "event", foreignText(t)},
		{"a key that is neither text nor number", "event", []byte{0x81, 0xc0, 0x01}},
		{"no type", "type", changed("type", nil)},
		{"no payload", "payload", changed("payload", nil)},
		{"type is a number", "type", changed("type", 5)},
		{"id of 3 bytes", "id", changed("id", []byte{1, 2, 3})},
		{"time is a text", "time", changed("time", "yesterday")},
		{"sequence below zero", "sequence", changed("sequence", -1)},
		{"topic is a map", "topic", changed("topic", map[string]any{})},
		{"correlation is a list", "correlation", changed("correlation", []int{})},
		{"metadata is a list", "metadata", changed("metadata", []int{})},
		{"payload is a text", "payload", changed("payload", "x")},
		{"pid is too large", "payload", changed("payload", map[string]any{"pid": 1 << 33})},
		{"a count that lies", "metadata", append([]byte{0x81, 0xa8}, append([]byte("metadata"), 0xdf, 0xff, 0xff, 0xff, 0xff)...)},
		{"more arguments than allowed", "payload", changed("payload", map[string]any{"command_line": make([]string, 65537)})},
	} {
		t.Run(c.name, func(t *testing.T) {
			event := bus.Event{Source: "untouched"}
			_, err := event.UnmarshalMsg(c.data)
			require.ErrorIs(t, err, bus.ErrInvalid)
			invalid, ok := errors.AsType[*bus.InvalidError](err)
			require.True(t, ok)
			require.Equal(t, c.field, invalid.Field)
			require.Equal(t, bus.Event{Source: "untouched"}, event)
		})
	}
}

func foreignText(t testing.TB) []byte {
	data, err := msgpack.Marshal("hello")
	require.NoError(t, err)
	return data
}

func TestUnmarshalTruncated(t *testing.T) {
	for name, event := range vectors() {
		encoded, err := event.MarshalMsg(nil)
		require.NoError(t, err)
		for n := range encoded {
			var got bus.Event
			_, err := got.UnmarshalMsg(encoded[:n])
			require.ErrorIs(t, err, bus.ErrInvalid, "%s cut to %d bytes", name, n)
		}
	}
}

func FuzzEvent(f *testing.F) {
	for _, event := range vectors() {
		encoded, err := event.MarshalMsg(nil)
		require.NoError(f, err)
		f.Add(encoded)
		encoded, err = event.MarshalBrief(nil)
		require.NoError(f, err)
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var event bus.Event
		rest, err := event.UnmarshalMsg(data)
		if err != nil {
			require.ErrorIs(t, err, bus.ErrInvalid)
			return
		}
		require.True(t, bytes.HasSuffix(data, rest))
		if event.Validate() != nil {
			return
		}
		input := bytes.Clone(data)
		var kept bus.Event
		_, err = kept.UnmarshalMsg(input)
		require.NoError(t, err)
		overwrite(input)
		require.Equal(t, event, kept)
		encoded, err := event.MarshalMsg(nil)
		require.NoError(t, err)
		require.LessOrEqual(t, len(encoded), event.Msgsize())
		var again bus.Event
		_, err = again.UnmarshalMsg(encoded)
		require.NoError(t, err)
		require.Equal(t, event, again)
		encoded, err = event.MarshalBrief(nil)
		require.NoError(t, err)
		require.LessOrEqual(t, len(encoded), event.Msgsize())
		_, err = again.UnmarshalMsg(encoded)
		require.NoError(t, err)
		require.Empty(t, again.Topic)
		again.Topic = event.Topic
		if again.Correlation.ID == "" && event.Correlation.ID == event.ID.String() {
			again.Correlation.ID, again.Correlation.RootID = event.Correlation.ID, event.Correlation.ID
		}
		require.Equal(t, event, again)
		text, err := json.Marshal(&event)
		require.NoError(t, err)
		require.True(t, json.Valid(text))
	})
}

// usual is what most events look like: a process of which everything is known, without metadata.
func usual() *bus.Event {
	event := vectors()["process-full"]
	id := "0d3a3b0e-55a5-4b1c-b8a0-b0a7c2a6f1de"
	event.Correlation = bus.Correlation{ID: id, RootID: id}
	event.Metadata = nil
	process := event.Payload.(*bus.ProcessEvent)
	process.ExecutableHash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	process.Metadata = nil
	return event
}

func BenchmarkWire(b *testing.B) {
	for name, event := range map[string]*bus.Event{"usual": usual(), "process-full": vectors()["process-full"]} {
		encoded, err := event.MarshalMsg(nil)
		require.NoError(b, err)
		name = fmt.Sprintf("event=%s/size=%d", name, len(encoded))
		b.Run("op=size/"+name, func(b *testing.B) {
			for b.Loop() {
				_ = event.Msgsize()
			}
		})
		b.Run("op=encode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			buffer := make([]byte, 0, event.Msgsize())
			for b.Loop() {
				buffer, _ = event.MarshalMsg(buffer[:0])
			}
		})
		b.Run("op=decode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var decoded bus.Event
				_, _ = decoded.UnmarshalMsg(encoded)
			}
		})
	}
}
