package collect_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/collect"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		in, want string
		limit    int
		cut      bool
	}{
		{"plain", "plain", 5, false},
		{"plain", "plai", 4, true},
		{"\xff\xfe x", "\uFFFD x", 10, false},
		{"aé", "a", 2, true},
		{strings.Repeat("\xff", 1000), "\uFFFD", 10, true},
		{"", "", 10, false},
	} {
		got, cut := collect.CleanText(c.in, c.limit)
		require.Equal(t, c.want, got, "%q", c.in)
		require.Equal(t, c.cut, cut, "%q", c.in)
	}
}

func TestArguments(t *testing.T) {
	long := strings.Repeat("x", collect.MaxCommandLine)
	for _, c := range []struct {
		in  []string
		n   int
		cut bool
	}{
		{nil, 0, false},
		{[]string{"", "a", ""}, 3, false},
		{[]string{"a", long, "b"}, 2, true},
		{make([]string, 100_000), collect.MaxCommandLine / 5, true},
	} {
		got, cut := collect.CleanArguments(c.in)
		require.InDelta(t, c.n, len(got), 1)
		require.Equal(t, c.cut, len(cut) > 0)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\xffb\xf0\x9f", 3)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		if limit < 0 || limit > 1<<20 {
			return
		}
		got, cut := collect.CleanText(in, limit)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), limit)
		if !cut {
			require.Equal(t, strings.ToValidUTF8(in, "\uFFFD"), got)
		}
	})
}
