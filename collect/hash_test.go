package collect_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/collect"
)

func TestHasher(t *testing.T) {
	files := fstest.MapFS{
		"big": {Data: bytes.Repeat([]byte("big"), 1000)}, "small": {Data: []byte("small")}, "huge": {Data: make([]byte, 5000)},
		"dir/file": {},
	}
	hash := func(name string) string {
		sum := sha256.Sum256(files[name].Data)
		return hex.EncodeToString(sum[:])
	}
	h := collect.NewHasher(4000)
	defer h.Close()
	sum := func(name string) (string, bool) {
		return h.Sum(t.Context(), name, func() (fs.File, error) { return files.Open(name) })
	}
	later := time.Now().Add(time.Hour)

	h.Refill(1000, later)
	_, done := sum("big")
	require.False(t, done)
	h.Refill(1000, later)
	got, done := sum("small")
	require.True(t, done, "what fits is not held up by what does not")
	require.Equal(t, hash("small"), got)
	_, done = sum("big")
	require.False(t, done)
	for range 3 {
		h.Refill(1000, later)
		h.Resume(t.Context())
	}
	h.Refill(0, later)
	got, done = sum("big")
	require.True(t, done, "a known hash costs nothing")
	require.Equal(t, hash("big"), got)

	for _, name := range [...]string{"huge", "dir", "missing"} {
		h.Refill(1e6, later)
		got, done = sum(name)
		require.True(t, done, name)
		require.Empty(t, got, name)
	}

	files["small"] = &fstest.MapFile{Data: []byte("other"), ModTime: time.Unix(1, 0)}
	h.Refill(1000, time.Now())
	_, done = sum("small")
	require.False(t, done, "no time left")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	h.Refill(1000, later)
	h.Resume(ended)
	_, done = sum("small")
	require.False(t, done)
	h.Resume(t.Context())
	got, done = sum("small")
	require.True(t, done)
	require.Equal(t, hash("small"), got, "the same name, but another file")
}
