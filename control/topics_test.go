package control_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/localbus"
)

// TestOfManyTopicsTheFirstOnesAreSaid, and the sum of the others, whatever the order in which they are found.
func TestOfManyTopicsTheFirstOnesAreSaid(t *testing.T) {
	b, err := localbus.New(nil)
	require.NoError(t, err)
	defer shutdown(b)
	serve(t, b, control.Options{ID: "c-1"})
	var all []control.TopicCount
	total := uint64(0)
	for i := range 1000 {
		one := control.TopicCount{Topic: fmt.Sprintf("control.collector.task.t%03d", i), Published: uint64(1 + i*7%10)}
		for range one.Published {
			require.NoError(t, b.Publish(t.Context(), bus.Event{Topic: one.Topic, Payload: &bus.ProcessEvent{}}))
		}
		all = append(all, one)
		total += one.Published
	}
	for _, sort := range []control.Sort{control.SortByID, control.SortByMatched} {
		if sort == control.SortByMatched {
			slices.SortStableFunc(all, func(a, b control.TopicCount) int { return cmp.Compare(b.Published, a.Published) })
		}
		for _, n := range []int{0, 1, 2, 499, 1000} {
			report, err := control.Diagnostics(t.Context(), b, "c-1", &control.DiagnosticsRequest{Topics: new(n), Sort: sort})
			require.NoError(t, err)
			require.Equal(t, all[:n], report.Topics, "%d by %s", n, sort)
			rest := total
			for _, one := range report.Topics {
				rest -= one.Published
			}
			if n == len(all) {
				require.Nil(t, report.TopicsOmitted)
				continue
			}
			require.Equal(t, control.OmittedTopics{Count: len(all) - n, Published: rest}, *report.TopicsOmitted, "%d by %s", n, sort)
		}
	}
}
