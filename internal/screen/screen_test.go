package screen_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/screen"
)

func TestAFrameIsWhatIsDifferent(t *testing.T) {
	const begin, end = "\x1b[?2026h", "\x1b[?2026l"
	for _, test := range []struct {
		name         string
		drawn, lines []string
		want         string
	}{
		{"at first all of the screen", nil, []string{"a", "b"}, begin + "\x1b[1;1Ha\x1b[K\x1b[2;1Hb\x1b[K\x1b[3;1H\x1b[K" + end},
		{"nothing", []string{"a", "b"}, []string{"a", "b"}, ""},
		{"a line", []string{"a", "b"}, []string{"a", "c"}, begin + "\x1b[2;1Hc\x1b[K" + end},
		{"fewer lines", []string{"a", "b"}, []string{"a"}, begin + "\x1b[2;1H\x1b[K" + end},
		{"more lines", []string{"a"}, []string{"a", "b"}, begin + "\x1b[2;1Hb\x1b[K" + end},
		{"more than the screen has", []string{"a", "b", "c"}, []string{"a", "b", "c", "d"}, ""},
		{"nothing drawn", []string{}, []string{"", "b"}, begin + "\x1b[2;1Hb\x1b[K" + end},
	} {
		require.Equal(t, test.want, string(screen.Difference(test.drawn, test.lines, 3)), test.name)
	}
}

func TestKeys(t *testing.T) {
	for _, test := range []struct {
		input string
		keys  []screen.Key
		rest  string
	}{
		{"", nil, ""},
		{"q?G1 ", []screen.Key{"q", "?", "G", "1", " "}, ""},
		{"\x1b[A\x1b[B\x1bOA\x1b[5~\x1b[6~\x1b[H\x1b[4~", []screen.Key{screen.Up, screen.Down, screen.Up, screen.PageUp, screen.PageDown, screen.Home, screen.End}, ""},
		{"\x1b", []screen.Key{screen.Escape}, ""},
		{"\x1bq", []screen.Key{screen.Escape, "q"}, ""},
		{"\x03\x1a", []screen.Key{screen.Interrupt, screen.Suspend}, ""},
		{"\x01\x7f\xff\x00", []screen.Key{"\x7f"}, ""},
		{"ü", []screen.Key{"ü"}, ""},
		{"a\xc3", []screen.Key{"a"}, "\xc3"},
		{"a\x1b[", []screen.Key{"a"}, "\x1b["},
		{"\x1b[1;5", nil, "\x1b[1;5"},
		{"\x1b[1;5Cj", []screen.Key{"j"}, ""},
		{"\x1b[" + strings.Repeat("1", 40), nil, ""},
	} {
		keys, rest := screen.ParseKeys([]byte(test.input))
		require.Equal(t, test.keys, keys, "%q", test.input)
		require.Equal(t, test.rest, string(rest), "%q", test.input)
	}
}

// Whatever comes, the rest is bounded, and all that is left when more comes is parsed then.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("q\x1b[A\x1b[5~\xc3\xbc\x1b[1;2;3"))
	f.Fuzz(func(t *testing.T, input []byte) {
		_, rest := screen.ParseKeys(input)
		require.LessOrEqual(t, len(rest), 32)
		require.True(t, strings.HasSuffix(string(input), string(rest)))
		keys, rest := screen.ParseKeys(append(rest, "\x1b\x1b~~q"...))
		require.Equal(t, screen.Key("q"), keys[len(keys)-1])
		require.Empty(t, rest)
	})
}

func TestAFileIsNoTerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	_, err = screen.Open(file, file)
	require.ErrorIs(t, err, screen.ErrNoTerminal)
	require.False(t, screen.Usable(file, file, "xterm"))
}
