package subjects_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/subjects"
)

func TestHierarchy(t *testing.T) {
	type row struct {
		access    subjects.Access
		publisher subjects.Publisher
		collector string
	}
	want := map[string]row{}
	add := func(r row, patterns ...string) {
		for _, p := range patterns {
			want[p] = r
		}
	}
	for collector, topics := range map[string][]string{
		"process":     {"lifecycle", "metadata", "tree", "integrity", "batch"},
		"network":     {"connections", "dns", "traffic"},
		"filesystem":  {"operations", "access", "bulk"},
		"performance": {"utilization", "system"},
	} {
		for _, topic := range topics {
			add(row{subjects.Restricted, subjects.ByCollector, collector}, "events."+collector+"."+topic)
		}
		add(row{subjects.Public, subjects.ByCollector, collector}, "events."+collector+".anomaly")
	}
	add(row{subjects.Privileged, subjects.ByAgent, ""},
		"control.collector.lifecycle", "control.collector.lifecycle.+", "control.collector.config",
		"control.collector.config.+", "control.agent.orchestration", "control.agent.policy",
		"control.shutdown", "control.shutdown.+")
	add(row{subjects.Restricted, subjects.ByAgent, ""}, "control.collector.task", "control.collector.task.+.+")
	add(row{subjects.Restricted, subjects.ByComponent, ""}, "control.collector.registration", "control.trigger.request")
	add(row{subjects.Public, subjects.ByComponent, ""},
		"control.health.heartbeat", "control.health.heartbeat.+", "control.health.status", "control.health.status.+",
		"control.health.diagnostics", "control.health.diagnostics.+")

	got := map[string]row{}
	for _, e := range subjects.Hierarchy() {
		require.Equal(t, parse(t, e.Pattern.String()), e.Pattern, "as ParsePattern would make it")
		got[e.Pattern.String()] = row{e.Access, e.Publisher, e.Collector}
	}
	require.Equal(t, want, got)
	require.Len(t, subjects.Hierarchy(), len(want), "a pattern is listed twice")
}

func TestHierarchyRowsDoNotOverlap(t *testing.T) {
	for _, e := range subjects.Hierarchy() {
		topic := shortestTopic(e.Pattern)
		matches := 0
		for _, other := range subjects.Hierarchy() {
			if other.Pattern.Match(topic) {
				matches++
			}
		}
		require.Equal(t, 1, matches, topic)
		access, known := subjects.AccessOf(topic)
		require.True(t, known)
		require.Equal(t, e.Access, access)
	}
}

func TestHierarchyIsACopy(t *testing.T) {
	entries := subjects.Hierarchy()
	clear(entries)
	access, known := subjects.AccessOf(subjects.ProcessLifecycle)
	require.True(t, known)
	require.Equal(t, subjects.Restricted, access)
}

func TestAccessOfUnknownTopics(t *testing.T) {
	for _, topic := range []string{
		"", "events.process", "events.process.custom", "control.collector.task.yara", // no such depth
		"control.shutdown.a.b", "control.shutdown.A", "events.process.+", "system.x",
	} {
		access, known := subjects.AccessOf(topic)
		require.False(t, known, topic)
		require.Zero(t, access)
	}
}

func TestNames(t *testing.T) {
	for want, name := range map[string]interface{ String() string }{
		"public": subjects.Public, "restricted": subjects.Restricted, "privileged": subjects.Privileged,
		"collector": subjects.ByCollector, "component": subjects.ByComponent, "agent": subjects.ByAgent,
		"Access(0)": subjects.Access(0), "Publisher(9)": subjects.Publisher(9),
	} {
		require.Equal(t, want, name.String())
	}
}
