package daemon_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/localbus"
)

func TestATerminalThatTakesNothingDoesNotHoldUpThePublisher(t *testing.T) {
	b, err := localbus.New(nil)
	require.NoError(t, err)
	var log, out bytes.Buffer
	p, err := daemon.Subscribe(t.Context(), b, []string{"events.#"}, &out, false, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	for pid := range uint32(daemon.PrintQueue + 3) {
		require.NoError(t, b.Publish(t.Context(), bus.Event{Payload: &bus.ProcessEvent{PID: pid}}))
	}
	require.Equal(t, uint64(3), p.Statistics().Dropped, "what it missed is counted")

	// What is queued is still printed during the shutdown, from the first event on.
	p.Start(func(err error) { t.Error(err) })
	require.NoError(t, b.Shutdown(t.Context()))
	require.True(t, p.Wait(t.Context()))
	require.Zero(t, p.Unprinted())
	require.Equal(t, daemon.PrintQueue, strings.Count(out.String(), "\n"))
	first, _, _ := strings.Cut(out.String(), "\n")
	require.Contains(t, first, " pid=0")
	// How many notices tell it depends on how they fall into the time of the drops; Shutdown has waited for the last one.
	dropped := 0
	for _, match := range regexp.MustCompile(`level=WARN msg="--print has missed events" dropped=(\d+) causes="overflow=`).FindAllStringSubmatch(log.String(), -1) {
		n, err := strconv.Atoi(match[1])
		require.NoError(t, err)
		dropped += n
	}
	require.Equal(t, 3, dropped)
}
