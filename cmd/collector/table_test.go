package main_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	program "github.com/daemoneye/eventbus/cmd/collector"
)

func TestTheClosingTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, program.WriteSummary(&out,
		bus.Statistics{Published: 1234, Received: 5, Delivered: 1200, Dropped: 34, Lost: 2, Malformed: 1, Reconnects: 3, Uptime: 90*time.Second + time.Millisecond},
		[]bus.SubscriptionStatistics{{ID: "print", Matched: 1234, Delivered: 1200, Dropped: 34}},
		program.Counts{"events.process.lifecycle": 1000, "events.network.connections": 234}, 7))
	require.Equal(t, `after 1m30s:
published  received  delivered  dropped  lost  malformed  reconnects
1234       5         1200       34       2     1          3

topic                       published
events.network.connections  234
events.process.lifecycle    1000

subscription  matched  delivered  dropped
print         1234     1200       34

7 events were still queued and had to be discarded
`, out.String())
	require.ErrorIs(t, program.WriteSummary(brokenWriter{}, bus.Statistics{}, nil, nil, 0), errBroken)
}
