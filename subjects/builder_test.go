package subjects_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/subjects"
)

func TestTopicsWithParts(t *testing.T) {
	for _, tt := range []struct {
		want   string
		access subjects.Access
		build  func(id string) (string, error)
	}{
		{"control.collector.lifecycle.c-1", subjects.Privileged, subjects.CollectorLifecycleFor},
		{"control.collector.config.c-1", subjects.Privileged, subjects.CollectorConfigFor},
		{"control.shutdown.c-1", subjects.Privileged, subjects.ShutdownFor},
		{"control.health.heartbeat.c-1", subjects.Public, subjects.HeartbeatFor},
		{"control.health.status.c-1", subjects.Public, subjects.StatusFor},
		{"control.health.diagnostics.c-1", subjects.Public, subjects.DiagnosticsFor},
		{"control.collector.task.yara_scan.c-1", subjects.Restricted, func(id string) (string, error) {
			return subjects.CollectorTaskFor("yara_scan", id)
		}},
	} {
		topic, err := tt.build("c-1")
		require.NoError(t, err)
		require.Equal(t, tt.want, topic)
		access, known := subjects.AccessOf(topic)
		require.True(t, known)
		require.Equal(t, tt.access, access)

		for _, id := range []string{"", ".", "a.b", "+", "#", ">", "*", "A", "a b", "a\x00", strings.Repeat("a", 256)} {
			topic, err := tt.build(id)
			require.Error(t, err, "%q", id)
			require.Empty(t, topic)
		}
	}
}

func TestBuilderNamesTheBadPart(t *testing.T) {
	_, err := subjects.CollectorTaskFor("yara", "a.b")
	refusal := refused(t, err, "topic", "control.collector.task.yara.a.b")
	require.Equal(t, "collector id: '.' is not one of a-z, 0-9, '_' and '-'", refusal.Reason)
	require.Equal(t, 5, refusal.Segment)
	require.Equal(t, 29, refusal.Position)

	// The first bad part is the one reported, and what follows changes nothing.
	_, err = subjects.CollectorTaskFor("", "B")
	refusal = refused(t, err, "topic", "control.collector.task.")
	require.Equal(t, "task type: segment is empty", refusal.Reason)
	require.Equal(t, 4, refusal.Segment)
	require.Equal(t, 23, refusal.Position)
}

func TestBuilder(t *testing.T) {
	base := subjects.Under("events").Add("kind", "custom")
	left, err := base.Add("id", "a").Topic()
	require.NoError(t, err)
	right, err := base.Add("id", "b").Topic()
	require.NoError(t, err)
	require.Equal(t, []string{"events.custom.a", "events.custom.b"}, []string{left, right})

	for name, b := range map[string]subjects.Builder{
		"zero":          {},
		"no beginning":  subjects.Under("").Add("id", "a"),
		"no domain":     subjects.Under("inbox").Add("id", "a"),
		"bad beginning": subjects.Under("events.+").Add("id", "a"),
		"too deep":      subjects.Under("events.a.b.c.d").Add("id", "a"),
		"too shallow":   subjects.Under("events"),
		"too long":      subjects.Under(longest).Add("id", "a"),
	} {
		_, err := b.Topic()
		require.Error(t, err, name)
	}
}
