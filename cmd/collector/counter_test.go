package main_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	program "github.com/daemoneye/eventbus/cmd/collector"
	"github.com/daemoneye/eventbus/subjects"
)

type publisherFunc func(bus.Event) error

func (f publisherFunc) Publish(_ context.Context, event bus.Event) error { return f(event) }

func TestCounterCountsWhatTheBusAccepted(t *testing.T) {
	var result error
	c := program.NewCounter(publisherFunc(func(bus.Event) error { return result }))
	process := bus.Event{Payload: &bus.ProcessEvent{PID: 1}} // without a topic: it has a default
	change := bus.Event{Topic: subjects.ProcessMetadata, Payload: &bus.ProcessEvent{PID: 1}}
	require.Empty(t, c.Counts())
	for _, test := range []struct {
		err   error
		count bool
	}{
		{nil, true},
		{&bus.OverflowError{Subscriber: "slow", Err: context.DeadlineExceeded}, true}, // the others have it
		{fmt.Errorf("%w: gone", bus.ErrUndelivered), true},
		{&bus.InvalidError{Field: "topic"}, false},
		{bus.ErrClosed, false},
		{context.Canceled, false},
		{errors.New("other"), false},
	} {
		result = test.err
		before := c.Counts()
		require.Equal(t, test.err, c.Publish(t.Context(), process))
		require.Equal(t, test.err, c.Publish(t.Context(), change))
		want := before[subjects.ProcessLifecycle]
		if test.count {
			want++
		}
		require.Equal(t, want, c.Counts()[subjects.ProcessLifecycle], "%v", test.err)
		require.Equal(t, want, c.Counts()[subjects.ProcessMetadata], "%v", test.err)
	}
}
