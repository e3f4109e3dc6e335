package main_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	program "github.com/daemoneye/eventbus/cmd/collector"
)

func TestRatesAreTakenOverTheSpan(t *testing.T) {
	rates := program.Rates(2*time.Second,
		program.Counts{"a": 10}, program.Counts{"a": 14, "b": 1}, program.Counts{"a": 14, "b": 1}, program.Counts{"a": 14, "b": 1})
	require.Equal(t, [][]program.Rate{
		nil,
		{program.NewRate("a", 4), program.NewRate("b", 1)},
		{program.NewRate("a", 2), program.NewRate("b", 0.5)},
		{program.NewRate("a", 0), program.NewRate("b", 0)}, // the first sample is too old
	}, rates)
}

func TestTheLiveLineBeginsWithTheBusiestTopic(t *testing.T) {
	require.Equal(t, "no events yet", program.LiveLine(nil))
	require.Equal(t, "events/s  network.connections 120  process.lifecycle 1.5  process.metadata 0.0", program.LiveLine([]program.Rate{
		program.NewRate("events.process.lifecycle", 1.5), program.NewRate("events.process.metadata", 0),
		program.NewRate("events.network.connections", 120.4),
	}))
}
