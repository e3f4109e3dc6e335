package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// requireGolden compares a text with a golden file, in which escapes can be seen.
func requireGolden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	text = strings.ReplaceAll(text, "\x1b", "␛")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

// program returns one that was read at both ends of ten seconds, with something of everything.
func program() report.Program {
	publisher := uuid.UUID{15: 1}
	before := control.DiagnosticsReport{
		ID: "collector-web-1",
		Statistics: bus.Statistics{
			Publisher: publisher, Published: 1000, Received: 10, Matched: 900, Delivered: 880, Dropped: 12, Lost: 3, Queued: 8, Malformed: 2, Forged: 1,
			Uptime: time.Minute, Connected: true, ActiveSubscribers: 3,
			Subscriptions: []bus.SubscriptionStatistics{
				{ID: "archive", Matched: 500, Delivered: 480, Dropped: 12, Drops: bus.Drops{Displaced: 12}, Queued: 8, QueueCapacity: 1024, HighWater: 100, Overflow: bus.DropOldest},
				{ID: "print", Matched: 400, Delivered: 400, QueueCapacity: 65536, HighWater: 3, Overflow: bus.DropNewest, Lost: 3},
			},
		},
		Topics:     []control.TopicCount{{Topic: "events.performance.system", Published: 500}, {Topic: "events.process.lifecycle", Published: 500}},
		Collectors: []control.CollectorStatistics{{Name: "process", Scans: 60, Events: 800}},
		Server:     &bus.ServerStatistics{Clients: 2, Subscriptions: 14},
	}
	after := before
	after.Statistics.Published, after.Statistics.Delivered, after.Statistics.Dropped, after.Statistics.Queued = 1610, 1480, 20, 1000
	after.Statistics.Malformed, after.Statistics.Uptime = 5, 70*time.Second
	after.Statistics.Subscriptions = []bus.SubscriptionStatistics{
		{
			ID: "alerts\x1b[2J", Matched: 30, Delivered: 10, Queued: 16, QueueCapacity: 16, HighWater: 16, Lag: 2300 * time.Millisecond,
			FullFor: 2 * time.Second, Dropped: 4, Drops: bus.Drops{Overflow: 3, Circuit: 1}, Overflow: bus.BreakCircuit, Circuit: bus.CircuitOpen,
		},
		{ID: "archive", Matched: 1500, Delivered: 500, Dropped: 16, Drops: bus.Drops{Displaced: 16}, Queued: 984, QueueCapacity: 1024, HighWater: 990, Lag: 123 * time.Millisecond, Overflow: bus.DropOldest},
		{ID: "print", Matched: 980, Delivered: 980, QueueCapacity: 65536, HighWater: 3, Overflow: bus.DropNewest, Lost: 3},
	}
	after.Topics = []control.TopicCount{
		{Topic: "events.network.connections", Published: 10}, {Topic: "events.performance.system", Published: 505}, {Topic: "events.process.lifecycle", Published: 1095},
	}
	after.SubscriptionsOmitted = &control.OmittedSubscriptions{Count: 2, Delivered: 7}
	after.TopicsOmitted = &control.OmittedTopics{Count: 1, Published: 5}
	after.Collectors = []control.CollectorStatistics{
		{Name: "file", Events: 10}, {Name: "process", Scans: 70, LastScan: 12345 * time.Microsecond, Interval: time.Second, Events: 1395, Failed: 1},
	}
	after.Server = &bus.ServerStatistics{Clients: 3, Subscriptions: 15, SlowClients: 1}
	return report.Program{
		Status: control.StatusReport{
			ID: "collector-web-1", Program: "collector", Version: "v1.2.3", PID: 4242, Host: "web", Health: bus.HealthDegraded,
			Reasons: []string{`subscription "alerts": its queue of 16 events has been full for 2s`},
		},
		Before: before, After: after,
	}
}

func TestSheet(t *testing.T) {
	requireGolden(t, "sheet", report.Render(report.Sheet(program(), report.Order{}), false))
	requireGolden(t, "sheet-color", report.Render(report.Sheet(program(), report.Order{Key: report.ByDropped}), true))
}

// With one reading there are no rates of the whole, and those of rows are since the start.
func TestSheetOfOneReading(t *testing.T) {
	p := program()
	p.Before = control.DiagnosticsReport{}
	requireGolden(t, "sheet-since-start", report.Render(report.Sheet(p, report.Order{}), false))
}

func TestSheetOfNothing(t *testing.T) {
	require.Equal(t, "\"\"  up 0s  not connected for 0s\n\n             PUBLISHED  RECEIVED  DELIVERED  DROPPED  LOST  QUEUED\nsince start          0         0          0        0     0       0\n",
		report.Render(report.Sheet(report.Program{}, report.Order{}), false))
}

// What was read before a restart says nothing about what came after it.
func TestARestartMakesNoRates(t *testing.T) {
	p := program()
	p.Before.Statistics.Publisher = uuid.UUID{15: 2}
	require.InDelta(t, 1610.0/70, p.Rates().Published, 1e-9)
	p = program()
	p.Before.Statistics.Uptime = p.After.Statistics.Uptime + 1
	require.InDelta(t, 1610.0/70, p.Rates().Published, 1e-9)
	p = program()
	require.InDelta(t, 61, p.Rates().Published, 1e-9)
	require.Equal(t, 10*time.Second, p.Over())
}

// One that may have been left out of the earlier reading has not done all that it ever did since.
func TestWhatWasLeftOutBeforeHasNoRate(t *testing.T) {
	p := program()
	p.Before.SubscriptionsOmitted = &control.OmittedSubscriptions{Count: 1}
	p.Before.TopicsOmitted = &control.OmittedTopics{Count: 1}
	subscriptions, topics := report.Subscriptions([]report.Program{p}, report.Order{}), report.Topics([]report.Program{p}, report.Order{})
	require.Equal(t, "0.0", subscriptions.Rows[0][2].Text)
	require.Equal(t, "100.0", subscriptions.Rows[1][2].Text)
	require.Equal(t, "0.0", topics.Rows[0][1].Text)
	require.Equal(t, "0.5", topics.Rows[1][1].Text)
}

func TestOrders(t *testing.T) {
	firsts := func(table report.Table) (names []string) {
		for _, row := range table.Rows {
			names = append(names, row[0].Text)
		}
		return names
	}
	const alerts, archive, print = `"alerts\x1b[2J"`, "archive", "print"
	p := program()
	p.After.Statistics.Subscriptions[2].HighWater = 3000
	for key, want := range map[report.Key][]string{
		report.ByName: {alerts, archive, print}, report.ByRate: {archive, print, alerts}, report.ByQueued: {archive, alerts, print},
		report.ByHighWater: {print, archive, alerts}, report.ByLag: {alerts, archive, print}, report.ByDropped: {archive, alerts, print},
		report.ByLost: {print, alerts, archive},
	} {
		require.Equal(t, want, firsts(report.Subscriptions([]report.Program{p}, report.Order{Key: key})), key)
	}
	require.Equal(t, []string{print, archive, alerts}, firsts(report.Subscriptions([]report.Program{p}, report.Order{Key: report.ByName, Reverse: true})))
	require.Equal(t, []string{alerts, print, archive}, firsts(report.Subscriptions([]report.Program{p}, report.Order{Key: report.ByRate, Reverse: true})))
	for key, first := range map[report.Key]string{report.ByName: "events.network.connections", report.ByRate: "events.process.lifecycle", report.ByLag: "events.process.lifecycle"} {
		require.Equal(t, first, firsts(report.Topics([]report.Program{p}, report.Order{Key: key}))[0], key)
	}
	key := report.ByName
	for range report.Keys() {
		require.NotEmpty(t, key.Wanted())
		key = key.Next()
	}
	require.Equal(t, report.ByName, key, "all the way round")
}

func TestLive(t *testing.T) {
	other := program()
	other.Status = control.StatusReport{}
	other.After.ID, other.After.Statistics.Connected, other.After.Statistics.DisconnectedFor = "agent-1", false, 90*time.Second
	live := report.Live{
		Programs: []report.Program{program(), other}, Order: report.Order{Key: report.ByRate}, Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Every: time.Second, Height: 30,
	}
	draw := func() string {
		lines := live.Lines()
		require.Len(t, lines, live.Height)
		return report.Render(lines, false)
	}
	requireGolden(t, "live", draw())
	live.Height, live.Scroll, live.Paused, live.Order.Reverse = 10, 5, true, true
	requireGolden(t, "live-scrolled", draw())
	live.Scroll = 1000
	require.Contains(t, draw(), "lines 27 to 32 of 32")
	require.Equal(t, 26, live.Bottom())
	live.Help, live.Height, live.Notice = true, 20, "no answer for 3s"
	requireGolden(t, "live-help", draw())
	for height := range 10 {
		live.Height = height
		draw()
	}
}

func TestLinesAreCutToTheScreen(t *testing.T) {
	line := report.Line{{Text: "añb", Style: report.Bad}, {Text: "cd"}}
	require.Equal(t, "añbcd", line.Render(0, false))
	require.Equal(t, "añbc", line.Render(4, false))
	require.Equal(t, "añ", line.Render(2, false))
	require.Equal(t, "\x1b[1;31mañ\x1b[0m", line.Render(2, true))
	require.Equal(t, "\x1b[1;31mañb\x1b[0mcd", line.Render(80, true))
}
