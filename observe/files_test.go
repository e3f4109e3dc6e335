package observe_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/observe"
)

// exposed returns the type of each metric that a process with everything exposes.
func exposed(t testing.TB, own bool) map[string]string {
	t.Helper()
	b := inside(t, startServer(t, embed.Options{}))
	subscribe(t, b, bus.Subscription{ID: "s", Overflow: bus.BreakCircuit})
	publish(t, b, 1)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(observe.NewCollector(b))
	if !own {
		registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	families, err := registry.Gather()
	require.NoError(t, err)
	types := make(map[string]string)
	for _, family := range families {
		types[family.GetName()] = strings.ToLower(family.GetType().String())
	}
	return types
}

func TestEachMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	documented := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(eventbus_\\w+)` \\| (\\w+) \\| [^|]{10,} \\| [^|]*\\|$").FindAllStringSubmatch(string(text), -1) {
		require.NotContains(t, documented, row[1], "it is there twice")
		documented[row[1]] = row[2]
	}
	require.Equal(t, exposed(t, true), documented)
}

func TestEachCauseIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	b := local(t, nil)
	for series := range newMeter(t, b).read() {
		if cause, ok := strings.CutPrefix(series, "dropped_events_total{cause="); ok {
			cause, _, _ = strings.Cut(cause, ",")
			require.Contains(t, string(text), "\n| `"+cause+"` | ")
		}
	}
}

// names returns the metrics that expressions name.
func names(text string) []string {
	return regexp.MustCompile(`\b(?:eventbus|go|process)_[a-z_]+\b`).FindAllString(text, -1)
}

func requireExposed(t *testing.T, text string) {
	t.Helper()
	metrics := exposed(t, false)
	require.Greater(t, len(names(text)), 10)
	for _, name := range names(text) {
		require.Contains(t, metrics, name)
	}
}

func TestTheRulesNameMetricsThatThereAre(t *testing.T) {
	for _, file := range []string{"eventbus.rules.yml", "eventbus.test.yml"} {
		text, err := os.ReadFile("../dist/prometheus/" + file)
		require.NoError(t, err)
		requireExposed(t, string(text))
	}
}

// TestEachAlertSaysWhatToDoAndIsTested goes by the lines of the files, which promtool parses.
func TestEachAlertSaysWhatToDoAndIsTested(t *testing.T) {
	rules, err := os.ReadFile("../dist/prometheus/eventbus.rules.yml")
	require.NoError(t, err)
	tests, err := os.ReadFile("../dist/prometheus/eventbus.test.yml")
	require.NoError(t, err)
	alerts := strings.Split(string(rules), "- alert: ")[1:]
	require.Greater(t, len(alerts), 10)
	for _, alert := range alerts {
		name, body, _ := strings.Cut(alert, "\n")
		for _, key := range []string{"expr: ", "severity: ", "summary: ", "action: "} {
			require.Equal(t, 1, strings.Count(body, key), "%s of %s", key, name)
		}
		require.Contains(t, string(tests), "\n        alertname: "+name+"\n        exp_alerts:\n          - exp_labels:")
	}
}

func TestTheDashboardIsWhole(t *testing.T) {
	text, err := os.ReadFile("../dist/grafana/eventbus.json")
	require.NoError(t, err)
	requireExposed(t, string(text))
	var dashboard struct {
		UID    string
		Title  string
		Panels []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	require.Equal(t, "eventbus", dashboard.UID)
	places, ids, shown := make(map[[2]int]string), make(map[int]bool), make(map[string]bool)
	for _, panel := range dashboard.Panels {
		require.False(t, ids[panel.ID], "the ID of %s is there twice", panel.Title)
		ids[panel.ID] = true
		require.NotEmpty(t, panel.Title)
		require.Equal(t, panel.Type == "row", len(panel.Targets) == 0, panel.Title)
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				require.Less(t, x, 24, panel.Title)
				require.Empty(t, places[[2]int{x, y}], "%s lies on another panel", panel.Title)
				places[[2]int{x, y}] = panel.Title
			}
		}
		for _, target := range panel.Targets {
			for _, name := range names(target.Expr) {
				shown[name] = true
			}
		}
	}
	// What tells of no trouble and no load need not be shown.
	quiet := []string{"eventbus_build_info", "eventbus_shut_down", "eventbus_disconnected_seconds", "eventbus_matched_events_total"}
	for _, name := range slices.Sorted(maps.Keys(exposed(t, true))) {
		require.Equal(t, !slices.Contains(quiet, name), shown[name], name)
	}
}
