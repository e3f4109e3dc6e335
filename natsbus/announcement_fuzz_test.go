package natsbus_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/natsbus"
)

// FuzzControl has the two decoders of what buses say to each other read anything: what they refuse is an error of the kind that is
// documented, and what they take keeps their rules.
func FuzzControl(f *testing.F) {
	id := uuid.New()
	for _, seed := range []map[string]any{
		{"publisher": id[:], "age": 1, "topics": map[string]any{"events.a.b": 1}},
		{"publisher": id[:], "age": uint64(1) << 63, "topics": map[string]any{"events.a.b": ^uint64(0)}, "question": 1, "known": 1, "last": true},
		{"publisher": id[:], "topics": map[string]any{"events.Not": 1}},
		{"publisher": id[:], "topics": map[string]any{"events.a.b": 0}},
		{"publisher": make([]byte, 16)},
		{"publisher": id[:4]},
		{"asker": id[:], "question": 7},
		{"asker": id[:]},
	} {
		data, err := msgpack.Marshal(seed)
		require.NoError(f, err)
		f.Add(data)
		f.Add(data[:len(data)-1])
	}
	f.Add([]byte{0xdf, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte("\x81\xa6topics\xdf\x00\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		publisher, topics, err := natsbus.DecodeAnnouncement(data)
		if err != nil {
			require.ErrorIs(t, err, bus.ErrInvalid)
		} else {
			require.NotEqual(t, uuid.Nil, publisher)
			for topic, n := range topics {
				require.Positive(t, n)
				require.NotContains(t, topic, "*")
			}
		}
		if asker, err := natsbus.DecodeQuestion(data); err != nil {
			require.ErrorIs(t, err, bus.ErrInvalid)
		} else {
			require.NotEqual(t, uuid.Nil, asker)
		}
	})
}
