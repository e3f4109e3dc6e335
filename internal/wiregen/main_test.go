package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatIsNotKnownFails has code in which something is missing that msgp generates today.
func TestWhatIsNotKnownFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gen.go")
	for _, code := range []string{
		"package x\n",
		"package x\n\n// UnmarshalMsg implements msgp.Unmarshaler\nfunc (z *T) UnmarshalMsg(bts []byte) (o []byte, err error) {\n\tz.A, bts, err = msgp.ReadStringBytes(bts)\n\treturn\n}\n",
	} {
		require.NoError(t, os.WriteFile(file, []byte(code), 0o600))
		require.ErrorContains(t, run([]string{file}), "nothing in")
	}
	require.NoError(t, os.WriteFile(file, []byte("no Go"), 0o600))
	require.Error(t, run([]string{file}))
	require.Error(t, run([]string{filepath.Join(t.TempDir(), "none.go")}))
}
