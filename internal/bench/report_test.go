package bench_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/bench"
)

func report() *bench.Report {
	return &bench.Report{Rounds: 3, Cells: []bench.Cell{
		bench.NewCell("1", "throughput, 1 subscriber", "1 subscriber", []float64{960_000, 480_000, 980_000}, []float64{1e6, 5e5, 1e6}, 0.95),
		bench.NewCell("5", "throughput, <2> & more", "<2> & more", []float64{5e6}, []float64{1e7}, 0.8),
		bench.NewCell("7", "nothing to compare with", "x", []float64{1}, []float64{0}, 1),
	}}
}

func TestTheTableSaysWhetherGoalsAreMet(t *testing.T) {
	var out strings.Builder
	require.NoError(t, report().WriteText(&out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 6)
	require.Equal(t, []string{"ROW", "WHAT", "NUMBERS", "RATIO", "GOAL", "MET"}, strings.Fields(lines[2]))
	require.Regexp(t, `^1 +throughput, 1 subscriber +subject 960 k/s, base 1\.00 M/s +0\.96 \[0\.96\.\.0\.97\] +>= 0\.95 +yes$`, lines[3])
	require.Regexp(t, ` 0\.50 .* >= 0\.8 +NO$`, lines[4])
	require.Regexp(t, ` not measured +>= 1 +-$`, lines[5])
}

func TestJSONHasSixKeys(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, report().WriteJSON(&out))
	var objects []map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &objects))
	for _, o := range objects {
		require.Len(t, o, 6)
		for _, key := range []string{"number", "name", "unit"} {
			require.IsType(t, "", o[key], key)
		}
		for _, key := range []string{"measured", "goal", "spread"} {
			require.IsType(t, 0.0, o[key], key)
		}
	}
	require.Equal(t, map[string]any{
		"number": "1", "name": "throughput, 1 subscriber: subject / base", "measured": 0.96, "goal": 0.95, "unit": "ratio, at least",
		"spread": objects[0]["spread"],
	}, objects[0])
	require.InDelta(t, 0.01, objects[0]["spread"], 1e-9)
	require.Equal(t, "throughput, 1 subscriber: base", objects[2]["name"])
	require.Equal(t, 1e6, objects[2]["measured"])
	empty := &bench.Report{}
	out.Reset()
	require.NoError(t, empty.WriteJSON(&out))
	require.JSONEq(t, `[]`, out.String())
}

func TestThePlotIsWellFormed(t *testing.T) {
	for _, r := range []*bench.Report{report(), {}} {
		var out bytes.Buffer
		require.NoError(t, r.WritePlot(&out))
		require.Contains(t, out.String(), `<svg xmlns="http://www.w3.org/2000/svg"`)
		texts := 0
		for decoder := xml.NewDecoder(&out); ; {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "text" {
				texts++
			}
		}
		require.Positive(t, texts)
	}
}

func TestConfigsThatCannotBe(t *testing.T) {
	for _, c := range []bench.Config{{Rounds: -1}, {Rounds: 1001}, {Events: -1}, {Rows: []string{"13"}}, {Rows: []string{"6"}}, {Rows: []string{"1", "9"}}} {
		_, err := bench.Run(t.Context(), c)
		require.Error(t, err)
	}
}

// One very short round of everything that is cheap.
func TestARun(t *testing.T) {
	var said []string
	r, err := bench.Run(t.Context(), bench.Config{
		Rounds: 1, Events: 1000, Rows: []string{"1", "3", "4", "11"}, Progress: func(line string) { said = append(said, line) },
	})
	require.NoError(t, err)
	require.Equal(t, []string{"round 1 of 1: 8 measurements"}, said, "rows share their measurements")
	rows := make(map[string]int)
	for _, c := range r.Cells {
		rows[c.Row]++
	}
	require.Equal(t, map[string]int{"1": 3, "3": 2, "4": 4, "11": 2}, rows)
}
