package main_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	program "github.com/daemoneye/eventbus/cmd/collector"
	"github.com/daemoneye/eventbus/internal/show"
	"github.com/daemoneye/eventbus/localbus"
)

func TestATerminalThatTakesNothingDoesNotHoldUpThePublisher(t *testing.T) {
	b, err := localbus.New(nil)
	require.NoError(t, err)
	var log bytes.Buffer
	r, err := program.SubscribePrinter(t.Context(), b, []string{"events.#"}, program.LogMissed(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, err)
	for pid := range uint32(program.PrintQueue + 3) {
		require.NoError(t, b.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: pid}}))
	}
	require.Equal(t, uint64(3), r.Statistics().Dropped, "what it missed is counted")

	// What is queued is still printed during the shutdown, from the first event on.
	var out bytes.Buffer
	printed := make(chan error, 1)
	go func() { printed <- program.PrintAll(r, show.NewPrinter(&out, show.Text, false)) }()
	require.NoError(t, b.Shutdown(t.Context()))
	require.NoError(t, <-printed)
	require.Equal(t, program.PrintQueue, strings.Count(out.String(), "\n"))
	first, _, _ := strings.Cut(out.String(), "\n")
	require.Contains(t, first, " pid=0")
	// How many notices tell it depends on how they fall into the time of the drops; Shutdown has waited for the last one.
	require.Equal(t, 3, sumOf(t, log.String(), `level=WARN msg="--print has missed events" dropped=(\d+) causes="overflow=`))
}
