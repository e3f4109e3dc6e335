package show_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/show"
)

func TestNothingIsWrittenIntoTheLiveLine(t *testing.T) {
	var screen bytes.Buffer
	width := 20
	c := show.NewTerminal(&screen, func() int { return width })
	stderr := c.Beside(&screen) // the same terminal
	written := func() string { defer screen.Reset(); return screen.String() }

	_, err := io.WriteString(stderr, "before\n")
	require.NoError(t, err)
	require.Equal(t, "before\n", written())
	require.NoError(t, c.Show("rates 1"))
	require.Equal(t, "\rrates 1\x1b[K", written())
	require.NoError(t, c.Show("rates 1"))
	require.Empty(t, written(), "what is shown already is not drawn again")

	// A log line takes the live line away, and puts it back below.
	n, err := io.WriteString(stderr, "log\n")
	require.NoError(t, err)
	require.Equal(t, 4, n)
	require.Equal(t, "\r\x1b[Klog\nrates 1", written())
	_, err = io.WriteString(c, "table\n")
	require.NoError(t, err)
	require.Equal(t, "\r\x1b[Ktable\nrates 1", written())

	require.NoError(t, c.Show("a text of more than twenty columns"))
	require.Equal(t, "\ra text of more than\x1b[K", written(), "one column stays free")
	width = 0
	require.NoError(t, c.Show("x"))
	require.Equal(t, "\r\x1b[K", written())
}

func TestTheLiveLineTellsOfABrokenTerminal(t *testing.T) {
	c := show.NewTerminal(brokenWriter{}, func() int { return 80 })
	require.ErrorIs(t, c.Show("rates"), errBroken)
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }
