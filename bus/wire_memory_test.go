package bus_test

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"

	"github.com/daemoneye/eventbus/bus"
)

type wireValue interface {
	msgp.Marshaler
	msgp.Unmarshaler
}

// wireValues has everything of the examples that can be decoded for itself.
func wireValues() map[string]wireValue {
	values := make(map[string]wireValue)
	for name, event := range vectors() {
		values[name] = event
		if payload, ok := event.Payload.(wireValue); ok {
			values[name+"/payload"] = payload
		}
		values[name+"/correlation"], values[name+"/metadata"] = &event.Correlation, &event.Metadata
	}
	return values
}

// TestUnmarshalKeepsNothingOfTheBuffer writes over the input of each decoder: what was decoded stays as it is.
func TestUnmarshalKeepsNothingOfTheBuffer(t *testing.T) {
	for name, value := range wireValues() {
		encoded, err := value.MarshalMsg(nil)
		require.NoError(t, err)
		got := reflect.New(reflect.TypeOf(value).Elem()).Interface().(wireValue)
		rest, err := got.UnmarshalMsg(append(encoded, "the next"...))
		require.NoError(t, err)
		require.Equal(t, "the next", string(rest))
		overwrite(encoded)
		require.Equal(t, value, got, name)
	}
}

// TestUnmarshalKeepsNothingOfTheBufferWhenItFails has every input that is cut short: of what was read before the end, nothing
// changes with the input.
func TestUnmarshalKeepsNothingOfTheBufferWhenItFails(t *testing.T) {
	for name, value := range wireValues() {
		encoded, err := value.MarshalMsg(nil)
		require.NoError(t, err)
		for n := range encoded {
			input := bytes.Clone(encoded[:n])
			got := reflect.New(reflect.TypeOf(value).Elem()).Interface().(wireValue)
			_, err := got.UnmarshalMsg(input)
			require.Error(t, err)
			before := fmt.Sprintf("%+v %q", got, err)
			overwrite(input)
			require.Equal(t, before, fmt.Sprintf("%+v %q", got, err), "%s cut to %d bytes", name, n)
		}
	}
}

func overwrite(b []byte) {
	for i := range b {
		b[i] = '#'
	}
}

// TestUnmarshalRepeatedKeys: the last one counts, and nothing of the others stays.
func TestUnmarshalRepeatedKeys(t *testing.T) {
	pair := func(key string, value []byte) []byte { return append(msgp.AppendString(nil, key), value...) }
	kind := func(name string) []byte { return pair("type", msgp.AppendString(nil, name)) }
	payload := func(entries ...[]byte) []byte {
		return pair("payload", append(msgp.AppendMapHeader(nil, uint32(len(entries))), bytes.Join(entries, nil)...))
	}
	list := func(texts ...string) []byte {
		b := msgp.AppendArrayHeader(nil, uint32(len(texts)))
		for _, text := range texts {
			b = msgp.AppendString(b, text)
		}
		return b
	}
	pid, noPID := pair("pid", []byte{7}), pair("pid", []byte{0xc3})
	for _, c := range []struct {
		name  string
		pairs [][]byte
		want  bus.Payload
	}{
		{"type behind the payload", [][]byte{payload(pid), kind("process")}, &bus.ProcessEvent{PID: 7}},
		{"another type behind the payload", [][]byte{kind("process"), payload(pid), kind("network")}, &bus.NetworkEvent{PID: new(uint32(7))}},
		{"an unknown type behind the payload", [][]byte{kind("process"), payload(), kind("x")}, &bus.Raw{Name: "x", Data: []byte{0x80}}},
		{"a known type behind the payload", [][]byte{kind("x"), payload(pid), kind("process")}, &bus.ProcessEvent{PID: 7}},
		{"the type again", [][]byte{kind("process"), payload(pid), kind("process")}, &bus.ProcessEvent{PID: 7}},
		{"another payload", [][]byte{kind("process"), payload(pid, pair("name", msgp.AppendString(nil, "x"))), payload(pid)}, &bus.ProcessEvent{PID: 7}},
		{"a payload behind an invalid one", [][]byte{kind("process"), payload(noPID), payload(pid)}, &bus.ProcessEvent{PID: 7}},
		{"an invalid payload behind a valid one", [][]byte{kind("process"), payload(pid), payload(noPID)}, nil},
		{"an invalid payload of another type", [][]byte{kind("network"), payload(noPID), kind("performance"), payload(pid)}, &bus.PerformanceEvent{PID: new(uint32(7))}},
		{
			"two lists", [][]byte{kind("process"), payload(pair("command_line", list("a", "b", "c")), pair("command_line", list("d")))},
			&bus.ProcessEvent{CommandLine: []string{"d"}},
		},
		{"an empty list", [][]byte{kind("process"), payload(pair("command_line", list()))}, &bus.ProcessEvent{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := append(msgp.AppendMapHeader(nil, uint32(len(c.pairs))), bytes.Join(c.pairs, nil)...)
			var event bus.Event
			_, err := event.UnmarshalMsg(data)
			if c.want == nil {
				require.ErrorIs(t, err, bus.ErrInvalid)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, event.Payload)
			if process, ok := event.Payload.(*bus.ProcessEvent); ok {
				require.Equal(t, len(process.CommandLine), cap(process.CommandLine), "nothing of a first list is left behind the second")
			}
		})
	}
}

// TestAnEventKeepsNoOtherAlive decodes the first of the events of a message: the message can go while that event stays.
func TestAnEventKeepsNoOtherAlive(t *testing.T) {
	first := new(bus.Event)
	gone := make(chan struct{})
	func() {
		buffer := make([]byte, 0, 64<<10)
		for cap(buffer)-len(buffer) > 1<<10 {
			buffer, _ = vectors()["process-full"].MarshalMsg(buffer)
		}
		runtime.AddCleanup(&buffer[0], func(gone chan struct{}) { close(gone) }, gone)
		rest, err := first.UnmarshalMsg(buffer)
		require.NoError(t, err)
		require.Greater(t, len(rest), 60<<10)
	}()
	runtime.GC()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the message was kept")
	}
	require.Equal(t, vectors()["process-full"], first)
}

// TestDecodingAllocates counts what an event costs: its texts, its payload, the numbers that may be absent, and the list of
// arguments. How much follows it plays no part.
func TestDecodingAllocates(t *testing.T) {
	encoded, err := usual().MarshalMsg(nil)
	require.NoError(t, err)
	size := len(encoded)
	encoded = append(encoded, make([]byte, 64<<10)...)
	var event bus.Event
	decode := func() { _, err = event.UnmarshalMsg(encoded) }
	require.LessOrEqual(t, testing.AllocsPerRun(100, decode), 6.0)
	require.NoError(t, err)
	require.Less(t, bytesPerRun(decode), uint64(size), "keys are not kept")
}

// TestALyingLengthAllocatesNothing has a list that says to be as long as is allowed, in a message that ends there.
func TestALyingLengthAllocatesNothing(t *testing.T) {
	data, err := vectors()["process-bare"].MarshalMsg(nil)
	require.NoError(t, err)
	head, _, found := bytes.Cut(data, []byte("payload"))
	require.True(t, found)
	data = append(bytes.Clone(head), "payload\x81\xaccommand_line\xdd\x00\x01\x00\x00"...)
	var event bus.Event
	require.Less(t, bytesPerRun(func() { _, err = event.UnmarshalMsg(data) }), uint64(4<<10))
	require.ErrorIs(t, err, bus.ErrInvalid)
}

// bytesPerRun is testing.AllocsPerRun for bytes.
func bytesPerRun(f func()) uint64 {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const runs = 100
	var before, after runtime.MemStats
	f()
	runtime.ReadMemStats(&before)
	for range runs {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / runs
}

func TestEncodingAllocatesNothing(t *testing.T) {
	for name, event := range vectors() {
		buffer := make([]byte, 0, event.Msgsize())
		require.Zero(t, testing.AllocsPerRun(100, func() { buffer, _ = event.MarshalMsg(buffer[:0]) }), name)
		require.Zero(t, testing.AllocsPerRun(100, func() { buffer, _ = event.MarshalBrief(buffer[:0]) }), name)
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = event.MarshalMsg(nil) }), 1.0, name)
	}
}
