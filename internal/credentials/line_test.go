package credentials_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/credentials"
)

const key = "UCBWG2NENI2VLZRMXKAQOZVKVVPA5GBUY2G7KGEDJRDWFSQ5VV3P7VYD"

func TestLine(t *testing.T) {
	want := credentials.Credential{Role: "observer", Public: key, Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	line := "observer " + key + " 2026-01-02T03:04:05Z\n"
	require.Equal(t, line, credentials.FormatLine(want))
	for _, content := range []string{line, strings.TrimSuffix(line, "\n")} {
		got, err := credentials.ParseLine(content)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, content := range []string{
		"", "\n", "observer", "observer " + key, line + "\n", line + line, "\n" + line, " " + line, strings.ReplaceAll(line, " ", "  "),
		strings.ReplaceAll(line, " ", "\t"), strings.Replace(line, "\n", "\r\n", 1),
		strings.Replace(line, "observer", "Observer", 1), strings.Replace(line, "observer", "", 1),
		strings.Replace(line, "UCB", "UCC", 1), strings.Replace(line, "UCB", "ACB", 1), strings.Replace(line, "UCB", "U\nCB", 1),
		strings.Replace(line, "Z", "+00:00", 1), strings.Replace(line, "Z", "+01:00", 1), strings.Replace(line, "05Z", "05.0Z", 1),
		strings.Replace(line, "03:04", "25:04", 1), line[:len(line)-2],
	} {
		_, err := credentials.ParseLine(content)
		require.Error(t, err, "%q", content)
		require.NotContains(t, err.Error(), "UCBWG")
	}
}

// What is accepted is what would be written, so nothing else can stand in a file that counts.
func FuzzLine(f *testing.F) {
	for _, seed := range []string{
		"observer " + key + " 2026-01-02T03:04:05Z\n", "observer " + key + " 0000-01-01T00:00:00Z", "a b c\n", "a  b\n", "",
		"observer " + key[:20] + "\n" + key[20:] + " 2026-01-02T03:04:05Z\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		c, err := credentials.ParseLine(content)
		if err != nil {
			return
		}
		require.Equal(t, strings.TrimSuffix(content, "\n")+"\n", credentials.FormatLine(c))
		require.LessOrEqual(t, len(content), 144)
	})
}
