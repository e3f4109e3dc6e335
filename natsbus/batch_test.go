package natsbus_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

func TestBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 6000), 1, 20).Draw(t, "events")
		var read [][]byte
		for _, message := range natsbus.Batches(events) {
			var foreign [][]byte
			require.NoError(t, msgpack.Unmarshal(message, &foreign), "another implementation reads it")
			require.NotEmpty(t, foreign)
			if len(foreign) > 1 {
				require.LessOrEqual(t, len(message), natsbus.BatchBytes)
			}
			before := len(read)
			require.NoError(t, natsbus.ReadBatch(message, func(event []byte) { read = append(read, bytes.Clone(event)) }))
			require.Len(t, read[before:], len(foreign))
		}
		require.Len(t, read, len(events))
		for i := range events {
			require.True(t, bytes.Equal(events[i], read[i]), i)
		}
	})
}

func TestMalformedBatches(t *testing.T) {
	whole := natsbus.Batches([][]byte{[]byte("one"), []byte("two")})[0]
	for n := range whole {
		require.ErrorIs(t, natsbus.ReadBatch(whole[:n], func([]byte) {}), bus.ErrInvalid, "cut after %d bytes", n)
	}
	require.ErrorIs(t, natsbus.ReadBatch(append(bytes.Clone(whole), 0), func([]byte) {}), bus.ErrInvalid, "more behind its end")
	// A number of events that are not there costs nothing.
	require.ErrorIs(t, natsbus.ReadBatch([]byte{0xdd, 0xff, 0xff, 0xff, 0xff}, func([]byte) {}), bus.ErrInvalid)
}

func FuzzBatch(f *testing.F) {
	f.Add(natsbus.Batches([][]byte{[]byte("one"), nil, []byte("three")})[0])
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x91, 0xa1, 'x'})
	f.Fuzz(func(t *testing.T, message []byte) {
		var events [][]byte
		if natsbus.ReadBatch(message, func(event []byte) { events = append(events, event) }) != nil || len(events) == 0 {
			return
		}
		var again [][]byte
		for _, message := range natsbus.Batches(events) {
			require.NoError(t, natsbus.ReadBatch(message, func(event []byte) { again = append(again, event) }))
		}
		require.Equal(t, len(events), len(again))
		for i := range events {
			require.True(t, bytes.Equal(events[i], again[i]))
		}
	})
}
