package main_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	program "github.com/daemoneye/eventbus/cmd/collector"
	"github.com/daemoneye/eventbus/collect"
)

// fakeCollector fails with err, or runs until its context ends.
type fakeCollector struct {
	name string
	err  error
}

func (f fakeCollector) Name() string                   { return f.name }
func (f fakeCollector) Statistics() collect.Statistics { return collect.Statistics{} }

func (f fakeCollector) Run(ctx context.Context) error {
	if f.err == nil {
		<-ctx.Done()
	}
	return f.err
}

func TestOneCollectorThatFailsDoesNotStopTheOthers(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	errFull := errors.New("no watches left")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	failed := make(chan struct{})
	good := fakeCollector{name: "process"}
	bad := failing{fakeCollector{"filesystem", errFull}, failed}
	go func() {
		ended <- program.RunCollectors(ctx, []collect.Collector{good, bad}, new(program.Failures), logger)
	}()
	<-failed
	select {
	case err := <-ended:
		require.FailNow(t, "the good one has ended too", "%v", err)
	default:
	}
	cancel()
	require.NoError(t, <-ended)
	require.Contains(t, log.String(), `msg="a collector has failed" collector=filesystem error="no watches left"`)

	err := program.RunCollectors(t.Context(), []collect.Collector{fakeCollector{"process", errFull}, fakeCollector{"network", errFull}}, new(program.Failures), logger)
	require.ErrorIs(t, err, program.ErrNoCollectors)
	require.ErrorIs(t, err, errFull)
	require.ErrorContains(t, err, "network")
}

// failing closes a channel when it fails.
type failing struct {
	fakeCollector
	failed chan struct{}
}

func (f failing) Run(ctx context.Context) error {
	defer close(f.failed)
	return f.fakeCollector.Run(ctx)
}
