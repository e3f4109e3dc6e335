package observe_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/observe"
)

// TestTheBusiestTopicsAreNamed however many there are, and in whatever order they come: maps have another one each time.
func TestTheBusiestTopicsAreNamed(t *testing.T) {
	for _, n := range []int{0, 1, observe.MaxTopics, observe.MaxTopics + 1, 20 * observe.MaxTopics} {
		all, want := make(map[string]uint64), make(map[string]uint64)
		for i := range n {
			topic := fmt.Sprintf("events.a.t%05d", i)
			all[topic] = uint64(1 + i)
			if i >= n-observe.MaxTopics {
				want[topic] = all[topic]
			}
		}
		for range 20 {
			named, of := observe.Busiest(maps.All(all))
			require.Equal(t, n, of)
			require.Equal(t, want, named)
		}
	}
}
