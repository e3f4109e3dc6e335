package show_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tinylib/msgp/msgp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

// encode is the MessagePack of a value, by another implementation than that of the bus.
func encode(t testing.TB, value any) []byte {
	t.Helper()
	data, err := msgpack.Marshal(value)
	require.NoError(t, err)
	return data
}

// wire returns the golden messages of events with their names.
func wire(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/wire/*.msgpack")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	messages := make(map[string][]byte)
	for _, path := range paths {
		message, err := os.ReadFile(path)
		require.NoError(t, err)
		messages[strings.TrimSuffix(filepath.Base(path), ".msgpack")] = message
	}
	return messages
}

// written is what is written of a message.
func written(message []byte) (string, error) {
	var out strings.Builder
	err := show.WriteMessage(&out, message)
	return out.String(), err
}

// line is what a watcher prints of an event.
func line(t testing.TB, message []byte) string {
	t.Helper()
	var event bus.Event
	_, err := event.UnmarshalMsg(message)
	require.NoError(t, err)
	text, err := show.AppendJSON(nil, &event)
	require.NoError(t, err)
	return string(text) + "\n"
}

func TestWriteMessagePrintsAnEventAsAWatcherDoes(t *testing.T) {
	for name, message := range wire(t) {
		text, err := written(message)
		require.NoError(t, err)
		require.Equal(t, line(t, message), text, name)
	}
}

func TestWriteMessagePrintsABatchAsOneLineAnEvent(t *testing.T) {
	messages := wire(t)
	first, second := messages["process-full"], messages["network-full"]
	for text, batch := range map[string][][]byte{
		line(t, first):                               {first},
		line(t, first) + line(t, second):             {first, second},
		line(t, first) + "{\"a\":1}\n" + "7\n":       {first, encode(t, map[string]int{"a": 1}), {7}},
		line(t, first) + `["` + "AQI=" + `"]` + "\n": {first, encode(t, [][]byte{{1, 2}})},
	} {
		got, err := written(encode(t, batch))
		require.NoError(t, err)
		require.Equal(t, text, got)
		// Batches of this project have a longer header.
		ours := []byte{0xdd, 0, 0, 0, byte(len(batch))}
		for _, event := range batch {
			ours = msgp.AppendBytes(ours, event)
		}
		got, err = written(ours)
		require.NoError(t, err)
		require.Equal(t, text, got)
	}
	// What is damaged in a batch is found where it is in the message.
	batch := encode(t, [][]byte{first, {0x93, 1, 2}})
	text, err := written(batch)
	var failed *show.ValueError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, len(batch), failed.At)
	require.Equal(t, line(t, first), text, "what comes before it")
}

func TestWriteMessagePrintsWhatIsNoEventAsItIs(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{map[string]any{"type": "x"}, `{"type":"x"}`},
		{map[string]any{"type": "No Such", "payload": 1}, ``},
		{[][]byte{}, `[]`},
		{[][]byte{{1, 2}}, `["AQI="]`},
		{[]any{[]byte{1, 2}, 3}, `["AQI=",3]`},
	} {
		got, err := written(encode(t, test.value))
		require.NoError(t, err)
		if test.want != "" {
			require.Equal(t, test.want+"\n", got)
		}
		require.NotContains(t, got, "correlation")
		require.True(t, json.Valid([]byte(got)))
	}
}

func TestAppendValue(t *testing.T) {
	for want, data := range map[string][]byte{
		`null`:                             {0xc0},
		`true`:                             {0xc3},
		`false`:                            {0xc2},
		`-32`:                              {0xe0},
		`127`:                              {0x7f},
		`200`:                              {0xcc, 200},
		`-128`:                             {0xd0, 0x80},
		`18446744073709551615`:             encode(t, uint64(math.MaxUint64)),
		`-9223372036854775808`:             encode(t, int64(math.MinInt64)),
		`0.1`:                              encode(t, float32(0.1)),
		`12.5`:                             encode(t, 12.5),
		`"NaN"`:                            encode(t, math.NaN()),
		`"+Inf"`:                           encode(t, float32(math.Inf(1))),
		`"-Inf"`:                           encode(t, math.Inf(-1)),
		`"a<b>&c"`:                         encode(t, "a<b>&c"),
		`"\u001b[2J\u202e\ufffd"`:          encode(t, "\x1b[2J\u202e\xff"),
		`""`:                               encode(t, []byte{}),
		`"AQID"`:                           encode(t, []byte{1, 2, 3}),
		`[]`:                               {0x90},
		`{}`:                               {0x80},
		`[1,[2,{"a":[]}]]`:                 {0x92, 1, 0x92, 2, 0x81, 0xa1, 'a', 0x90},
		`{"b":1,"a":2,"b":3}`:              {0x83, 0xa1, 'b', 1, 0xa1, 'a', 2, 0xa1, 'b', 3},
		`{"1":1,"null":2,"true":3}`:        {0x83, 1, 1, 0xc0, 2, 0xc3, 3},
		`{"AQI=":1,"0.5":2}`:               append([]byte{0x82, 0xc4, 2, 1, 2, 1, 0xcb}, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 2),
		`{"[1,\"a\"]":1,"{\"a\":1}":2}`:    {0x82, 0x92, 1, 0xa1, 'a', 1, 0x81, 0xa1, 'a', 1, 2},
		`{"extension":5,"data":"AQI="}`:    {0xc7, 2, 5, 1, 2},
		`{"extension":-1,"data":"AQI="}`:   {0xc7, 2, 0xff, 1, 2},
		`"2026-01-02T03:04:05Z"`:           encode(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		`"2026-01-02T03:04:05.000000006Z"`: encode(t, time.Date(2026, 1, 2, 4, 4, 5, 6, time.FixedZone("", 3600))),
		`"1903-01-02T03:04:05.6Z"`:         encode(t, time.Date(1903, 1, 2, 3, 4, 5, 600_000_000, time.UTC)),
		`{"2026-01-02T03:04:05Z":1}`:       append(append([]byte{0x81}, encode(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))...), 1),
	} {
		got, err := show.AppendValue([]byte("x"), data)
		require.NoError(t, err, want)
		require.Equal(t, "x"+want, string(got))
		require.True(t, json.Valid(got[1:]), want)
	}
}

func TestAppendValueSaysAtWhichByteItFailed(t *testing.T) {
	for _, test := range []struct {
		data []byte
		want string
	}{
		{nil, "byte 0: there is nothing"},
		{[]byte{0xc1}, "byte 0: 0xc1 begins no MessagePack value"},
		{[]byte{0x92, 1, 0xc1, 7}, "byte 2: 0xc1 begins no MessagePack value"},
		{[]byte{0x93, 1, 2}, "byte 3: the end comes too early"},
		{[]byte{0x81, 0xa1, 'a'}, "byte 3: the end comes too early"},
		{[]byte{0x91, 0xa5, 'a', 'b'}, "byte 1: the end comes in the middle of what begins here"},
		{[]byte{0x91, 0xdb, 0xff, 0xff, 0xff, 0xff, 'a'}, "byte 1: the end comes in the middle of what begins here"},
		{[]byte{0xc6, 0xff, 0xff, 0xff, 0xff, 'a'}, "byte 0: the end comes in the middle of what begins here"},
		{[]byte{0xdd, 0xff, 0xff, 0xff, 0xff, 1}, "byte 6: the end comes too early"},
		{[]byte{0xdf, 0xff, 0xff, 0xff}, "byte 0: the end comes in the middle of what begins here"},
		{[]byte{0xc9, 0xff, 0xff, 0xff, 0xff, 5, 1}, "byte 0: the end comes in the middle of what begins here"},
		{[]byte{0xd8, 5}, "byte 0: the end comes in the middle of what begins here"},
		{[]byte{1, 2, 3}, "byte 1: 2 bytes behind the end of the value"},
		{bytes.Repeat([]byte{0x91}, 1<<20), "byte 1001: nested more than 1000 deep"},
		{bytes.Repeat([]byte{0x81}, 1<<20), "byte 1001: nested more than 1000 deep"},
		{[]byte{0x81, 0x81, 0x81, 0xc0, 1, 2, 3}, "byte 2: a map, array or extension is a key within a key"},
	} {
		got, err := show.AppendValue([]byte("x"), test.data)
		require.EqualError(t, err, test.want)
		require.Equal(t, "x", string(got))
		text, err := written(test.data)
		require.EqualError(t, err, test.want)
		require.Empty(t, text)
	}
}

// A length costs nothing before what it promises is there.
func TestAppendValueAllocatesNoMoreThanThereIs(t *testing.T) {
	for _, data := range [][]byte{{0xc6, 0xff, 0xff, 0xff, 0xff}, {0xdb, 0xff, 0xff, 0xff, 0xff}, {0xc9, 0xff, 0xff, 0xff, 0xff, 1}, {0xdd, 0xff, 0xff, 0xff, 0xff}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := show.AppendValue(nil, data)
		runtime.ReadMemStats(&after)
		require.Error(t, err)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
	}
}

// Whatever comes, it is JSON without anything invisible, or an error within the message.
func FuzzMessage(f *testing.F) {
	for _, message := range wire(f) {
		f.Add(message)
		f.Add(encode(f, [][]byte{message, {1}}))
	}
	f.Add([]byte{0x82, 0x92, 1, 0xa1, 'a', 1, 0x81, 0xa1, 'a', 1, 2})
	f.Add([]byte{0xc7, 12, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, message []byte) {
		text, err := written(message)
		if err != nil {
			var failed *show.ValueError
			require.ErrorAs(t, err, &failed)
			require.LessOrEqual(t, failed.At, len(message))
		} else {
			require.True(t, strings.HasSuffix(text, "\n"))
		}
		for line := range strings.Lines(text) {
			require.True(t, json.Valid([]byte(line)), "%s", line)
			require.Equal(t, show.Escape(strings.TrimSuffix(line, "\n")), strings.TrimSuffix(line, "\n"))
		}
		require.Less(t, len(text), 64*len(message)+1024)
	})
}
