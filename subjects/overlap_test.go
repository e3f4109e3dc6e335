package subjects_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/subjects"
)

func TestOverlaps(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"events.process.lifecycle", "events.process.lifecycle", true},
		{"events.process.lifecycle", "events.process.metadata", false},
		{"control.health.heartbeat.web-1", "control.health.heartbeat.+", true},
		{"control.health.heartbeat", "control.health.heartbeat.+", false},
		{"control.health.heartbeat", "control.health.heartbeat.>", false},
		{"control.health.heartbeat", "control.health.heartbeat.#", true},
		{"events.+.anomaly", "events.process.+", true},
		{"events.+.anomaly", "control.+.anomaly", false},
		{"+.process.#", "control.#", true},
		{"#", "control.shutdown", true},
		{"process", "events.process.batch", true},
	} {
		a, b := parse(t, tt.a), parse(t, tt.b)
		require.Equal(t, tt.want, a.Overlaps(b), "%s and %s", a, b)
		require.Equal(t, tt.want, b.Overlaps(a), "%s and %s", b, a)
	}
	require.False(t, subjects.Pattern{}.Overlaps(parse(t, "#")), "the zero pattern matches nothing")
	require.False(t, parse(t, "#").Overlaps(subjects.Pattern{}), "the zero pattern matches nothing")
}

// Two patterns overlap if and only if one of all topics that could tell matches both.
func TestOverlapsIsACommonTopic(t *testing.T) {
	topics := []string{"events", "control"}
	for from, depth := 0, 2; depth <= subjects.MaxSegments; depth++ {
		longer := topics[from:]
		from = len(topics)
		for _, topic := range slices.Clone(longer) {
			// c stands for all segments that no pattern below has.
			topics = append(topics, topic+".a", topic+".b", topic+".c")
		}
	}
	topics = topics[2:]
	text := rapid.Custom(func(t *rapid.T) string {
		text := rapid.SampledFrom([]string{"events", "control", "+", "#", ">"}).Draw(t, "first")
		for text != "#" && text != ">" && rapid.IntRange(0, 4).Draw(t, "more") > 0 {
			segment := rapid.SampledFrom([]string{"a", "b", "+", "#", ">"}).Draw(t, "segment")
			text = fmt.Sprintf("%s.%s", text, segment)
			if segment == "#" || segment == ">" {
				break
			}
		}
		return text
	}).Filter(func(text string) bool { // neither too long nor too short
		_, err := subjects.ParsePattern(text)
		return err == nil
	})
	pattern := rapid.Map(text, func(text string) subjects.Pattern { return parse(t, text) })
	rapid.Check(t, func(t *rapid.T) {
		a, b := pattern.Draw(t, "a"), pattern.Draw(t, "b")
		common := slices.ContainsFunc(topics, func(topic string) bool { return a.Match(topic) && b.Match(topic) })
		require.Equal(t, common, a.Overlaps(b), "%s and %s", a, b)
		require.Equal(t, common, b.Overlaps(a), "%s and %s", b, a)
	})
}
