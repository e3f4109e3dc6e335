package bustest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

var requestCases = []contractCase{
	{19, "answered", "A request is answered by who answers on its topic, with the data as they are.", requestAnswered},
	{19, "answered_by_all", "Everybody who answers on the topic is asked, and every answer comes.", requestAnsweredByAll},
	{19, "refused", "A refusal comes with its code and reason, another error of the handler as an internal one.", requestRefused},
	{19, "nobody_answers", "Where nobody answers, that is said, or the context ends the wait.", requestNobody},
	{19, "no_control_topic", "Requests are on control topics only.", requestTopics},
	{19, "is_no_event", "A request is no event: no subscription gets it, and nothing is counted.", requestNoEvent},
	{19, "stops", "When stop has returned the handler is not called any more, and does not run.", requestStops},
	{19, "too_many_at_once", "Beyond MaxRequests a request is refused as busy, and none waits.", requestBusy},
	{19, "shutdown", "Shutdown ends the handler's context and waits for it; then there is ErrClosed.", requestShutdown},
	{19, "cancelled", "A context that has ended asks nobody.", requestCancelled},
}

// requester returns the bus as what can ask and answer.
func requester(t testing.TB, b bus.Bus) bus.Requester {
	r, ok := bus.As[bus.Requester](b)
	require.True(t, ok, "%T", b)
	return r
}

func respond(t testing.TB, b bus.Bus, topic string, handler bus.RequestHandler) (stop func()) {
	t.Helper()
	stop, err := requester(t, b).Respond(background(t), topic, handler)
	require.NoError(t, err)
	return stop
}

func echo(prefix string) bus.RequestHandler {
	return func(_ context.Context, r bus.Request) ([]byte, error) { return []byte(prefix + string(r.Data)), nil }
}

func requestAnswered(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	topics := make(chan string, 1)
	respond(t, p.Subscriber, subjects.ControlHealthStatus, func(_ context.Context, r bus.Request) ([]byte, error) {
		topics <- r.Topic
		return append([]byte("to "), r.Data...), nil
	})
	answer, err := bus.Ask(background(t), p.Publisher, subjects.ControlHealthStatus, []byte("a\x00\xffb"))
	require.NoError(t, err)
	require.Equal(t, "to a\x00\xffb", string(answer))
	require.Equal(t, subjects.ControlHealthStatus, <-topics)
	answer, err = bus.Ask(background(t), p.Publisher, subjects.ControlHealthStatus, nil)
	require.NoError(t, err)
	require.Equal(t, "to ", string(answer))
}

func requestAnsweredByAll(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	respond(t, p.Subscriber, subjects.ControlHealthStatus, echo("a"))
	respond(t, p.Subscriber, subjects.ControlHealthStatus, echo("b"))
	respond(t, p.Publisher, subjects.ControlHealthStatus, echo("c"))
	respond(t, p.Subscriber, subjects.ControlHealthDiagnostics, echo("d"))
	ctx, cancel := context.WithCancel(background(t))
	defer cancel()
	var answers []string
	for answer, err := range requester(t, p.Publisher).Request(ctx, subjects.ControlHealthStatus, []byte("!")) {
		require.NoError(t, err)
		if answers = append(answers, string(answer)); len(answers) == 3 {
			cancel()
		}
	}
	slices.Sort(answers)
	require.Equal(t, []string{"a!", "b!", "c!"}, answers)
}

func requestRefused(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	respond(t, p.Subscriber, subjects.ControlHealthStatus, func(_ context.Context, r bus.Request) ([]byte, error) {
		if len(r.Data) > 0 {
			return nil, &bus.RequestError{Code: 418, Reason: "no " + string(r.Data)}
		}
		return []byte("ignored"), errors.New("broken\npipe")
	})
	for data, want := range map[string]bus.RequestError{"tea": {Code: 418, Reason: "no tea"}, "": {Code: bus.CodeInternal, Reason: "broken"}} {
		answer, err := bus.Ask(background(t), p.Publisher, subjects.ControlHealthStatus, []byte(data))
		refused, ok := errors.AsType[*bus.RequestError](err)
		require.True(t, ok, "%v", err)
		require.Empty(t, answer)
		require.Equal(t, want.Code, refused.Code)
		require.True(t, strings.HasPrefix(refused.Reason, want.Reason), refused.Reason)
	}
}

func requestNobody(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	_, err := bus.Ask(background(t), p.Publisher, subjects.ControlHealthDiagnostics, nil)
	require.ErrorIs(t, err, bus.ErrNoResponders)

	called := make(chan struct{})
	respond(t, p.Subscriber, subjects.ControlHealthStatus, func(ctx context.Context, _ bus.Request) ([]byte, error) {
		close(called)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(background(t))
	go func() { <-called; cancel() }()
	_, err = bus.Ask(ctx, p.Publisher, subjects.ControlHealthStatus, nil)
	require.ErrorIs(t, err, context.Canceled)
	shutdown, end := context.WithTimeout(context.Background(), Patience)
	defer end()
	require.NoError(t, p.Subscriber.Shutdown(shutdown)) // which ends the handler
}

func requestTopics(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	for _, topic := range []string{"", "control", "control.+.x", "control..x", subjects.ProcessLifecycle, "control.#"} {
		_, err := bus.Ask(background(t), p.Publisher, topic, nil)
		invalid, ok := errors.AsType[*bus.InvalidError](err)
		require.True(t, ok, "%q: %v", topic, err)
		require.Equal(t, "topic", invalid.Field)
		_, err = requester(t, p.Subscriber).Respond(background(t), topic, echo(""))
		require.ErrorIs(t, err, bus.ErrInvalid, topic)
	}
}

func requestNoEvent(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	r := subscribe(t, p.Subscriber, bus.Subscription{ID: "s", Patterns: []string{"#"}})
	respond(t, p.Subscriber, subjects.ControlHealthStatus, echo(""))
	_, err := bus.Ask(background(t), p.Publisher, subjects.ControlHealthStatus, []byte("not MessagePack"))
	require.NoError(t, err)
	publish(t, p.Publisher, marker())
	require.Empty(t, untilMarker(t, r))
	statistics := p.Subscriber.Statistics()
	require.Zero(t, statistics.Malformed)
	require.Zero(t, statistics.Lost)
}

func requestStops(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	started, release := make(chan struct{}), make(chan struct{})
	var running sync.WaitGroup
	stop := respond(t, p.Subscriber, subjects.ControlHealthStatus, func(context.Context, bus.Request) ([]byte, error) {
		running.Add(1)
		defer running.Done()
		close(started)
		<-release
		return []byte("last"), nil
	})
	asked := make(chan error, 1)
	go func() {
		_, err := bus.Ask(background(t), p.Publisher, subjects.ControlHealthStatus, nil)
		asked <- err
	}()
	<-started
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		stop()
	}()
	close(release)
	<-stopped
	running.Wait() // it would race with a handler that still began
	require.NoError(t, <-asked)
	stop() // twice is fine

	// Another one takes over: the first, which would close a channel twice, is not called.
	respond(t, p.Subscriber, subjects.ControlHealthStatus, echo("new "))
	answer, err := bus.Ask(background(t), p.Publisher, subjects.ControlHealthStatus, []byte("x"))
	require.NoError(t, err)
	require.Equal(t, "new x", string(answer))
}

func requestBusy(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	running, release := make(chan struct{}, bus.MaxRequests), make(chan struct{})
	respond(t, p.Subscriber, subjects.ControlHealthStatus, func(context.Context, bus.Request) ([]byte, error) {
		running <- struct{}{}
		<-release
		return nil, nil
	})
	var asking sync.WaitGroup
	for range bus.MaxRequests {
		asking.Go(func() {
			if _, err := bus.Ask(background(t), p.Publisher, subjects.ControlHealthStatus, nil); err != nil {
				t.Error(err)
			}
		})
	}
	for range bus.MaxRequests {
		<-running
	}
	_, err := bus.Ask(background(t), p.Publisher, subjects.ControlHealthStatus, nil)
	refused, ok := errors.AsType[*bus.RequestError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, bus.CodeBusy, refused.Code)
	close(release)
	asking.Wait()
}

func requestShutdown(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	started, ended := make(chan struct{}), make(chan struct{})
	respond(t, p.Subscriber, subjects.ControlHealthStatus, func(ctx context.Context, _ bus.Request) ([]byte, error) {
		close(started)
		<-ctx.Done()
		close(ended)
		return []byte("done"), nil
	})
	var asking sync.WaitGroup
	ctx, cancel := context.WithCancel(background(t))
	asking.Go(func() { _, _ = bus.Ask(ctx, p.Publisher, subjects.ControlHealthStatus, nil) })
	<-started
	require.NoError(t, p.Subscriber.Shutdown(background(t)))
	select {
	case <-ended:
	default:
		t.Error("the handler still runs")
	}
	cancel()
	asking.Wait()
	_, err := bus.Ask(background(t), p.Subscriber, subjects.ControlHealthStatus, nil)
	require.ErrorIs(t, err, bus.ErrClosed)
	_, err = requester(t, p.Subscriber).Respond(background(t), subjects.ControlHealthStatus, echo(""))
	require.ErrorIs(t, err, bus.ErrClosed)
}

func requestCancelled(t *testing.T, open Opener) {
	p := open(t, bus.Options{})
	respond(t, p.Subscriber, subjects.ControlHealthStatus, func(context.Context, bus.Request) ([]byte, error) {
		t.Error("asked")
		return nil, nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := bus.Ask(ctx, p.Publisher, subjects.ControlHealthStatus, nil)
	require.ErrorIs(t, err, context.Canceled)
	_, err = requester(t, p.Publisher).Respond(ctx, subjects.ControlHealthDiagnostics, echo(""))
	require.ErrorIs(t, err, context.Canceled)
	_, err = bus.Ask(background(t), p.Publisher, subjects.ControlHealthDiagnostics, nil)
	require.ErrorIs(t, err, bus.ErrNoResponders)
}
