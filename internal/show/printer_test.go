package show_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/show"
)

func TestJSONHasStableKeysAndEscapes(t *testing.T) {
	p := sleep()
	p.Name = "a\x1b\x7f\u0085\u202e\U000e0041<"
	encoded, err := show.AppendJSON([]byte("> "), envelope(p))
	require.NoError(t, err)
	require.Equal(t, `> {"id":"01940000-0000-7000-8000-000000000001","time":"2026-01-02T03:04:05.6789Z","topic":"events.process.lifecycle",`+
		`"source":"procmon","type":"process","payload":{"pid":4242,"ppid":1,"name":"a\u001b\u007f\u0085\u202e\udb40\udc41<",`+
		`"executable_path":"/usr/bin/sleep","command_line":["sleep","7","a b","","--x=y"],"cpu_usage":12.34,"memory_usage":3145728,`+
		`"user_id":"1000","accessible":true,"file_exists":true,"timestamp":"2026-01-02T03:04:05.6789Z","metadata":{"action":"start"}},`+
		`"correlation":{"correlation_id":"c","root_id":"c","sequence":0},"sequence":7}`, string(encoded))
	var got, want any
	require.NoError(t, json.Unmarshal(encoded[2:], &got))
	plain, err := json.Marshal(envelope(p))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(plain, &want))
	require.Equal(t, want, got, "escaping changes no value")
}

// recorder keeps each Write, and fails all of them once err is set.
type recorder struct {
	writes []string
	err    error
}

func (r *recorder) Write(p []byte) (int, error) {
	r.writes = append(r.writes, string(p))
	return len(p), r.err
}

func TestPrinterWritesEachJSONLineAtOnce(t *testing.T) {
	var out recorder
	p := show.NewPrinter(&out, show.JSON, true)
	require.NoError(t, p.Print(envelope(sleep())))
	require.NoError(t, p.Print(envelope(sleep())))
	require.Len(t, out.writes, 2)
	require.Equal(t, out.writes[0], out.writes[1])
	require.True(t, strings.HasSuffix(out.writes[0], "}\n"))
	require.NotContains(t, out.writes[0], "\x1b", "JSON is never colored")
	require.NoError(t, p.Flush())
	require.Len(t, out.writes, 2)
}

func TestPrinterCollectsText(t *testing.T) {
	var out recorder
	p := show.NewPrinter(&out, show.Text, true)
	require.NoError(t, p.Print(envelope(sleep())))
	require.NoError(t, p.Print(envelope(sleep())))
	require.Empty(t, out.writes)
	require.NoError(t, p.Flush())
	require.Len(t, out.writes, 1)
	require.Equal(t, 2, strings.Count(out.writes[0], "\n"))
	require.Contains(t, out.writes[0], "\x1b[")
	for range 1000 {
		require.NoError(t, p.Print(envelope(sleep())))
	}
	require.Greater(t, len(out.writes), 2, "what is collected is bounded")
}

func TestPrinterReturnsTheErrorOfItsWriter(t *testing.T) {
	out := recorder{err: errors.New("gone")}
	require.ErrorIs(t, show.NewPrinter(&out, show.JSON, false).Print(envelope(sleep())), out.err)
	p := show.NewPrinter(&out, show.Text, false)
	require.NoError(t, p.Print(envelope(sleep())))
	require.ErrorIs(t, p.Flush(), out.err)
	require.NoError(t, p.Flush(), "nothing is written twice")
}

func TestUseColor(t *testing.T) {
	none := func(string) string { return "" }
	xterm := func(name string) string { return map[string]string{"TERM": "xterm"}[name] }
	file, err := os.Create(t.TempDir() + "/out")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	require.True(t, show.UseColor(show.ColorAlways, file, none))
	require.False(t, show.UseColor(show.ColorNever, file, xterm))
	require.False(t, show.UseColor(show.ColorAuto, file, xterm), "a file is no terminal")
	require.False(t, show.UseColor(show.ColorAuto, &recorder{}, xterm))
}
