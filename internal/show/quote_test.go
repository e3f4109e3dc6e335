package show_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"sleep": "sleep", "größe": "größe", `C:\x`: `C:\x`, `\x1b`: `\x1b`, "a=b": "a=b", "日本": "日本",
		"": `""`, "a b": `"a b"`, `a"b`: `"a\"b"`, "\x1b": `"\x1b"`, "a\nb": `"a\nb"`, "\x7f": `"\x7f"`, "\u0085": `"\u0085"`,
		"\u202e": `"\u202e"`, "\u2066": `"\u2066"`, "\u200b": `"\u200b"`, "\ufeff": `"\ufeff"`, "\u00a0": `"\u00a0"`, "\u2028": `"\u2028"`,
		"\U000e0041": `"\U000e0041"`, "\xff": `"\xff"`, "a…": `"a…"`, "\ufffd": "\ufffd",
	} {
		require.Equal(t, want, show.Quote(in), "%q", in)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"": "", `no "quotes" here`: `no "quotes" here`, "a\x1b[2J": `a\x1b[2J`, "a\nb": `a\nb`, "\xff\u202e": `\xff\u202e`, "ü": "ü",
	} {
		require.Equal(t, want, show.Escape(in), "%q", in)
	}
}

// requireVisible fails if a terminal could do anything with the text but print it.
func requireVisible(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text), "%q", text)
	require.NotContains(t, text, "\n")
	for _, r := range text {
		switch {
		case r < 0x20, r >= 0x7f && r <= 0x9f:
			t.Fatalf("control %U in %q", r, text)
		case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff:
			t.Fatalf("invisible %U in %q", r, text)
		}
	}
}

func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{"", "sleep", "a\x1b]0;x\a", "\u202etxt.exe", "\u009b2J", "\x9b", "\x7f", "a\nb\r", "\u2028\u2066", "\U000e0041", `\u202e`, "\\\x7f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := show.Quote(s)
		requireVisible(t, quoted)
		if quoted != s {
			back, err := strconv.Unquote(quoted)
			require.NoError(t, err)
			require.Equal(t, s, back)
		}
		requireVisible(t, show.Escape(s))

		p := sleep()
		p.Name, p.ExecutablePath, p.CommandLine, p.Metadata = s, s, []string{s, s}, bus.Metadata{"action": s, s: s}
		event := envelope(p)
		event.Source, event.Metadata = s, bus.Metadata{s: s}
		text := string(show.AppendText(nil, event, false))
		requireVisible(t, text)
		require.LessOrEqual(t, utf8.RuneCountInString(text), show.MaxLine)
		requireVisible(t, uncolor(string(show.AppendText(nil, event, true))))

		encoded, err := show.AppendJSON(nil, event)
		require.NoError(t, err)
		requireVisible(t, string(encoded))
		var got struct {
			Source  string           `json:"source"`
			Payload bus.ProcessEvent `json:"payload"`
		}
		require.NoError(t, json.Unmarshal(encoded, &got))
		valid := replaceInvalid(s)
		require.Equal(t, valid, got.Source)
		require.Equal(t, []string{valid, valid}, got.Payload.CommandLine)

		// A type that we do not know may hold any text as well.
		data, err := bus.Metadata{"text": s}.MarshalMsg(nil)
		require.NoError(t, err)
		event = envelope(&bus.Raw{Name: "usb", Data: data})
		encoded, err = show.AppendJSON(nil, event)
		require.NoError(t, err)
		require.True(t, json.Valid(encoded))
		requireVisible(t, string(encoded))
		requireVisible(t, string(show.AppendText(nil, event, false)))
	})
}

// replaceInvalid does what encoding/json does with bytes that are no UTF-8.
func replaceInvalid(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(r)
	}
	return b.String()
}
