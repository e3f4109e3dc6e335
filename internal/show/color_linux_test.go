package show_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/pseudoterminal"
	"github.com/daemoneye/eventbus/internal/show"
)

func TestUseColorOnATerminal(t *testing.T) {
	_, terminal := pseudoterminal.Open(t, 24, 80)
	for _, test := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{"TERM": "xterm"}, true},
		{map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{map[string]string{"TERM": "dumb"}, false},
		{nil, false},
	} {
		getenv := func(name string) string { return test.env[name] }
		require.Equal(t, test.want, show.UseColor(show.ColorAuto, terminal, getenv), "%v", test.env)
		require.True(t, show.UseColor(show.ColorAlways, terminal, getenv))
		require.False(t, show.UseColor(show.ColorNever, terminal, getenv))
	}
}
