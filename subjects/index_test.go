package subjects_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/daemoneye/eventbus/subjects"
)

func TestIndexZeroValue(t *testing.T) {
	var x subjects.Index[string]
	require.Zero(t, x.Len())
	require.Empty(t, x.Match("events.a", nil))
	require.False(t, x.Remove(parse(t, "#"), "a"))

	x.Insert(subjects.Pattern{}, "a")
	require.Zero(t, x.Len(), "the zero pattern matches nothing and is not kept")
	require.False(t, x.Remove(subjects.Pattern{}, "a"))
}

func TestIndexCountsAPairOnce(t *testing.T) {
	var x subjects.Index[string]
	x.Insert(parse(t, "process"), "a")
	x.Insert(parse(t, "events.process.+"), "a") // the same pattern in other words
	require.Equal(t, 1, x.Len())
	require.Equal(t, []string{"a"}, x.Match("events.process.tree", nil))

	x.Insert(parse(t, "events.process.+"), "b")
	require.Equal(t, 2, x.Len())
	require.True(t, x.Remove(parse(t, "process.*"), "a"))
	require.False(t, x.Remove(parse(t, "process.*"), "a"))
	require.Equal(t, []string{"b"}, x.Match("events.process.tree", nil))
	require.Equal(t, 1, x.Len())
}

func TestIndexYieldsAValueOnce(t *testing.T) {
	var x subjects.Index[string]
	for _, p := range []string{"#", ">", "+.#", "events.#", "events.>", "events.+.#", "events.a", "+.a", "events.a.#"} {
		x.Insert(parse(t, p), "a")
	}
	require.Equal(t, []string{"a"}, x.Match("events.a", nil))
	require.Equal(t, []string{"a"}, x.Match("control.a", nil))
}

func TestIndexAppends(t *testing.T) {
	var x subjects.Index[string]
	x.Insert(parse(t, "#"), "a")
	require.Equal(t, []string{"a", "a"}, x.Match("events.a", []string{"a"}), "what dst holds is not looked at")
	require.Equal(t, []string{"z"}, x.Match("no topic", []string{"z"}))
}

// The set of values that Match has seen is kept in two parts, small and large.
func TestIndexYieldsEachOfManyValuesOnce(t *testing.T) {
	const values = 3000
	var x subjects.Index[int]
	var want []int
	for v := range values {
		x.Insert(parse(t, "events.#"), v)
		x.Insert(parse(t, "+.a"), v)
		want = append(want, v)
	}
	got := x.Match("events.a", nil)
	slices.Sort(got)
	require.Equal(t, want, got)

	for v := range values {
		require.True(t, x.Remove(parse(t, "+.a"), v))
		require.True(t, x.Remove(parse(t, "events.#"), v))
	}
	require.Zero(t, x.Len())
	require.True(t, x.IsBare())
}

// The index must do what a list of pairs does, whatever the order of changes,
// and be as empty as it began when the last pair is gone.
func TestIndexAgreesWithBruteForce(t *testing.T) {
	type pair struct {
		pattern subjects.Pattern
		value   int
	}
	rapid.Check(t, func(t *rapid.T) {
		var x subjects.Index[int]
		pairs := map[pair]bool{}
		randomPair := func(t *rapid.T) pair {
			return pair{somePattern.Draw(t, "pattern"), rapid.IntRange(0, 4).Draw(t, "value")}
		}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				p := randomPair(t)
				x.Insert(p.pattern, p.value)
				pairs[p] = true
			},
			"remove": func(t *rapid.T) {
				p := randomPair(t)
				require.Equal(t, pairs[p], x.Remove(p.pattern, p.value))
				delete(pairs, p)
			},
			"remove what is there": func(t *rapid.T) {
				for p := range pairs {
					require.True(t, x.Remove(p.pattern, p.value))
					delete(pairs, p)
					break
				}
			},
			"": func(t *rapid.T) {
				topic := someTopic.Draw(t, "topic")
				var want []int
				for p := range pairs {
					if p.pattern.Match(topic) && !slices.Contains(want, p.value) {
						want = append(want, p.value)
					}
				}
				require.ElementsMatch(t, want, x.Match(topic, nil), topic)
				require.Equal(t, len(pairs), x.Len())
			},
		})
		for p := range pairs {
			require.True(t, x.Remove(p.pattern, p.value))
		}
		require.Zero(t, x.Len())
		require.True(t, x.IsBare(), "nodes are left in the trie")
	})
}

func TestIndexConcurrentMatch(t *testing.T) {
	var x subjects.Index[int]
	for v := range 2000 {
		x.Insert(parse(t, "events.#"), v)
		x.Insert(parse(t, "events.a"), v)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var dst []int
			for range 20 {
				dst = x.Match("events.a", dst[:0])
				if len(dst) != 2000 || x.Len() != 4000 {
					t.Errorf("%d values of %d pairs", len(dst), x.Len())
				}
			}
		})
	}
	wg.Wait()
}

// oneOf returns an index of n subscriptions of which one matches topic.
func oneOf(t testing.TB, n int, topic string) *subjects.Index[*int] {
	x := new(subjects.Index[*int])
	x.Insert(parse(t, topic), new(int))
	for i := range n - 1 {
		pattern := []string{"events.process.p%d", "events.p%d.+", "+.network.p%d", "control.p%d.#"}[i%4]
		x.Insert(parse(t, fmt.Sprintf(pattern, i)), new(int))
	}
	require.Len(t, x.Match(topic, nil), 1)
	return x
}
