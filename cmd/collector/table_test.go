package main_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	program "github.com/daemoneye/eventbus/cmd/collector"
)

func TestTheClosingTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, program.WriteSummary(&out,
		bus.Statistics{Published: 1234, Received: 5, Delivered: 1200, Dropped: 34, Lost: 2, Malformed: 1, Forged: 4, Reconnects: 3, Uptime: 90*time.Second + time.Millisecond},
		[]bus.SubscriptionStatistics{{
			ID: "print", Matched: 1234, Delivered: 1200, Dropped: 34, Lost: 2, HighWater: 512, Drops: bus.Drops{Overflow: 27, Shutdown: 7},
		}},
		program.Counts{"events.process.lifecycle": 1000, "events.network.connections": 234}, 7))
	require.Equal(t, `after 1m30s:
published  received  delivered  dropped  lost  malformed  forged  reconnects
1234       5         1200       34       2     1          4       3

topic                       published
events.network.connections  234
events.process.lifecycle    1000

subscription  matched  delivered  dropped  lost  high water  dropped by
print         1234     1200       34       2     512         overflow=27 shutdown=7

7 events were still queued and had to be discarded
`, out.String())
	out.Reset()
	require.NoError(t, program.WriteSummary(&out, bus.Statistics{},
		[]bus.SubscriptionStatistics{{ID: "print", Matched: 5, Delivered: 5, HighWater: 1}}, nil, 0))
	require.Equal(t, `after 0s:
published  received  delivered  dropped  lost  malformed  forged  reconnects
0          0         0          0        0     0          0       0

subscription  matched  delivered  dropped  lost  high water
print         5        5          0        0     1
`, out.String(), "no causes if there is nothing to explain")
	require.ErrorIs(t, program.WriteSummary(brokenWriter{}, bus.Statistics{}, nil, nil, 0), errBroken)
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }
