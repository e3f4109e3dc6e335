package bus_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/bus"
)

// TestWireProperties has events of each type at random. They arrive as they left, in any order of their keys and encoded by
// another library, and Msgsize is no less than their size.
func TestWireProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		event := drawEvent(t)
		size := event.Msgsize()
		buffer := make([]byte, 0, size)
		encoded, err := event.MarshalMsg(buffer)
		require.NoError(t, err)
		require.LessOrEqual(t, len(encoded), size)
		require.Same(t, &buffer[:1][0], &encoded[0], "encoded in place")

		decoded := func(data []byte) *bus.Event {
			var got bus.Event
			rest, err := got.UnmarshalMsg(append(data, "the next"...))
			require.NoError(t, err)
			require.Equal(t, "the next", string(rest))
			clear(data[:cap(data)])
			return &got
		}
		require.Equal(t, event, decoded(shuffled(t, encoded)))
		var document map[string]any
		require.NoError(t, msgpack.Unmarshal(encoded, &document))
		other, err := msgpack.Marshal(document)
		require.NoError(t, err)
		if _, raw := event.Payload.(*bus.Raw); !raw { // whose bytes the other library may write in another way
			require.Equal(t, event, decoded(other))
		}
		require.Equal(t, event, decoded(encoded))
	})
}

// shuffled returns the value with the keys of its maps in another order.
func shuffled(t *rapid.T, b []byte) []byte {
	if msgp.NextType(b) != msgp.MapType {
		return append([]byte(nil), b...)
	}
	n, rest, err := msgp.ReadMapHeaderBytes(b)
	require.NoError(t, err)
	entries := make([][]byte, n)
	for i := range entries {
		value, err := msgp.Skip(rest)
		require.NoError(t, err)
		key := rest[:len(rest)-len(value)]
		rest, err = msgp.Skip(value)
		require.NoError(t, err)
		entries[i] = append(append([]byte(nil), key...), shuffled(t, value[:len(value)-len(rest)])...)
	}
	out := msgp.AppendMapHeader(nil, n)
	for _, entry := range rapid.Permutation(entries).Draw(t, "order") {
		out = append(out, entry...)
	}
	return out
}

// The texts are of every length class of MessagePack but the largest, the times of every size.
var (
	anyText = rapid.OneOf(rapid.SampledFrom([]string{"", "x", "näme"}), rapid.StringN(0, 300, 300), rapid.Map(rapid.IntRange(0, 1<<17), func(n int) string {
		return string(make([]byte, n))
	}))
	anyTime = rapid.OneOf(
		rapid.SampledFrom([]time.Time{{}, time.Unix(0, 0).UTC(), time.Unix(1, 0).UTC(), time.Unix(1<<34, 5).UTC(), time.Unix(-1, 5).UTC(), time.Unix(0, 7).UTC()}),
		rapid.Custom(func(t *rapid.T) time.Time {
			return time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")).UTC()
		}))
	anyMetadata = rapid.Map(rapid.MapOfN(rapid.StringN(0, 40, 128), rapid.StringN(0, 40, 128), 0, 20), func(m map[string]string) bus.Metadata {
		if len(m) == 0 {
			return nil
		}
		return m
	})
	anyUint32 = rapid.Ptr(rapid.Uint32(), true)
	anyUint64 = rapid.Ptr(rapid.Uint64(), true)
	anyFloat  = rapid.Float64Range(-1e300, 1e300)
	anyID     = rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) uuid.UUID { return uuid.UUID(b) })
)

func drawEvent(t *rapid.T) *bus.Event {
	text := func(label string) string { return anyText.Draw(t, label) }
	when := func(label string) time.Time { return anyTime.Draw(t, label) }
	metadata := func() bus.Metadata { return anyMetadata.Draw(t, "metadata") }
	var payload bus.Payload
	switch rapid.IntRange(0, 6).Draw(t, "type") {
	case 0:
		process := &bus.ProcessEvent{
			PID: rapid.Uint32().Draw(t, "pid"), PPID: anyUint32.Draw(t, "ppid"), Name: text("name"), ExecutablePath: text("path"), StartTime: when("start"),
			CommandLine: rapid.SliceOfN(rapid.StringN(0, 40, 40), 0, 20).Draw(t, "arguments"),
			CPUUsage:    rapid.Ptr(anyFloat, true).Draw(t, "cpu"), MemoryUsage: anyUint64.Draw(t, "memory"), ExecutableHash: text("hash"),
			HashAlgorithm: text("algorithm"), UserID: text("user"), Accessible: rapid.Bool().Draw(t, "accessible"),
			FileExists: rapid.Bool().Draw(t, "exists"), Timestamp: when("timestamp"), Metadata: metadata(),
		}
		if len(process.CommandLine) == 0 {
			process.CommandLine = nil
		}
		payload = process
	case 1:
		payload = &bus.NetworkEvent{
			ConnectionID: text("id"), Protocol: text("protocol"), LocalAddr: text("local"), RemoteAddr: text("remote"), State: text("state"),
			PID: anyUint32.Draw(t, "pid"), BytesSent: anyUint64.Draw(t, "sent"), BytesReceived: anyUint64.Draw(t, "received"),
			Timestamp: when("timestamp"), Metadata: metadata(),
		}
	case 2:
		payload = &bus.FilesystemEvent{
			Path: text("path"), Operation: text("operation"), PID: anyUint32.Draw(t, "pid"), Size: anyUint64.Draw(t, "size"),
			Permissions: text("permissions"), FileHash: text("hash"), Timestamp: when("timestamp"), Metadata: metadata(),
		}
	case 3:
		payload = &bus.PerformanceEvent{
			MetricName: text("name"), Value: anyFloat.Draw(t, "value"), Unit: text("unit"), Component: text("component"),
			PID: anyUint32.Draw(t, "pid"), Timestamp: when("timestamp"), Metadata: metadata(),
		}
	case 4:
		payload = &bus.TriggerRequest{
			TriggerID: text("id"), TargetCollector: text("collector"), AnalysisType: bus.AnalysisType(text("analysis")),
			Priority: bus.Priority(text("priority")), TargetPID: anyUint32.Draw(t, "pid"), TargetPath: text("path"), CorrelationID: text("correlation"),
			Timestamp: when("timestamp"), Metadata: metadata(),
		}
	case 5:
		payload = &bus.HealthEvent{
			ID: text("id"), Status: bus.Health(text("status")), Interval: time.Duration(rapid.Int64().Draw(t, "interval")),
			Published: rapid.Uint64().Draw(t, "published"), Dropped: rapid.Uint64().Draw(t, "dropped"), Lost: rapid.Uint64().Draw(t, "lost"),
			Unsent: rapid.Uint64().Draw(t, "unsent"), Timestamp: when("timestamp"), Metadata: metadata(),
		}
	case 6:
		payload = &bus.Raw{
			Name: bus.EventType(rapid.StringMatching(`x[a-z]{0,40}`).Draw(t, "name")), Data: msgp.AppendString(nil, text("data")),
		}
	}
	correlation := bus.Correlation{
		ID: text("id"), ParentID: text("parent"), TraceID: text("trace"), SpanID: text("span"),
		Sequence: rapid.Uint64().Draw(t, "step"), Stage: text("stage"), Tags: metadata(),
	}
	if correlation.RootID = correlation.ID; rapid.Bool().Draw(t, "not the root") {
		correlation.RootID = text("root")
	}
	return &bus.Event{
		ID: anyID.Draw(t, "ID"), Time: when("time"), Topic: text("topic"), Source: text("source"), Payload: payload, Correlation: correlation,
		Publisher: anyID.Draw(t, "publisher"), Sequence: rapid.Uint64().Draw(t, "sequence"), Metadata: metadata(),
	}
}
