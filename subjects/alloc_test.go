package subjects_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/subjects"
)

// Each of these is on the path of every event.
func TestNoAllocations(t *testing.T) {
	const topic = "events.process.lifecycle"
	literal, wild := parse(t, topic), parse(t, "+.*.#")

	one := oneOf(t, 1000, topic)
	var overlapping subjects.Index[int] // as many values as are marked for free
	for v := range 1024 {
		overlapping.Insert(literal, v)
		overlapping.Insert(wild, v)
	}
	pointers := make([]*int, 0, 1)
	ints := make([]int, 0, 1024)

	for name, f := range map[string]func() bool{
		"ValidateTopic":                func() bool { return subjects.ValidateTopic(topic) == nil },
		"ValidateTopic of the longest": func() bool { return subjects.ValidateTopic(longest) == nil },
		"FromSubject": func() bool {
			_, err := subjects.FromSubject(topic)
			return err == nil
		},
		"Match of a literal":  func() bool { return literal.Match(topic) },
		"Match of a wildcard": func() bool { return wild.Match(topic) },
		"no Match":            func() bool { return !wild.Match("no topic") },
		"AccessOf": func() bool {
			_, known := subjects.AccessOf("control.health.heartbeat.c-1")
			return known
		},
		"Index.Match":               func() bool { return len(one.Match(topic, pointers[:0])) == 1 },
		"Index.Match with overlaps": func() bool { return len(overlapping.Match(topic, ints[:0])) == 1024 },
	} {
		right := true
		allocs := testing.AllocsPerRun(100, func() { right = f() && right })
		require.True(t, right, name)
		require.Zero(t, allocs, name)
	}

	overlapping.Insert(literal, 1024)
	overlapping.Insert(wild, 1024)
	ints = make([]int, 0, 2048)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() { overlapping.Match(topic, ints) }), 1.0,
		"past the marks that are free, one allocation")
}
