package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// responders are those of this process who answer requests.
type responders struct {
	mu      sync.Mutex // guards what follows
	topics  map[string][]*responder
	n       int            // of them
	running map[string]int // handlers, by the role of who asks: one that asks much keeps no other from it
}

// responder answers on one topic.
type responder struct {
	handler bus.RequestHandler
	calls   sync.WaitGroup
}

// CheckRequest returns an error unless there may be requests on a topic.
func CheckRequest(topic string) error {
	if err := subjects.ValidateTopic(topic); err != nil {
		return &bus.InvalidError{Field: "topic", Value: topic, Reason: err.Error(), Err: err}
	}
	if !subjects.IsControl(topic) {
		return &bus.InvalidError{Field: "topic", Value: topic, Reason: "requests are on control topics"}
	}
	return nil
}

// Respond implements [bus.Requester] for requests of this process.
func (e *Engine) Respond(ctx context.Context, topic string, handler bus.RequestHandler) (stop func(), err error) {
	if err := cmp.Or(CheckRequest(topic), ctx.Err()); err != nil {
		return nil, err
	}
	r := &e.responders
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.stopped.Load() {
		return nil, bus.ErrClosed
	}
	if r.n >= bus.MaxResponders {
		return nil, fmt.Errorf("%w: %d answer requests", bus.ErrTooManySubscribers, r.n)
	}
	this := &responder{handler: handler}
	r.topics[topic] = append(r.topics[topic], this)
	r.n++
	return func() { r.remove(topic, this) }, nil
}

// remove ends a responder, and waits for what it does.
func (r *responders) remove(topic string, this *responder) {
	defer this.calls.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.topics[topic], this)
	if i < 0 {
		return // a second time
	}
	r.topics[topic] = slices.Delete(r.topics[topic], i, i+1)
	r.n--
	if len(r.topics[topic]) == 0 {
		delete(r.topics, topic)
	}
}

// Answer has every responder of this process answer a request, each in a goroutine of its own, and returns how many answers
// there will be. It waits for none of them.
func (e *Engine) Answer(request bus.Request, answer func(data []byte, err error)) int {
	asked, busy := e.responders.start(e, request, answer)
	for range busy {
		answer(nil, &bus.RequestError{Code: bus.CodeBusy, Reason: fmt.Sprintf("%d requests are being answered", bus.MaxRequests)})
	}
	return asked
}

// start starts the handlers, but for those for which there are too many already.
func (r *responders) start(e *Engine, request bus.Request, answer func(data []byte, err error)) (asked, busy int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.stopped.Load() {
		return 0, 0 // Shutdown waits for those that it has found
	}
	for _, this := range r.topics[request.Topic] {
		asked++
		if r.running[request.Role] >= bus.MaxRequests {
			busy++
			continue
		}
		r.running[request.Role]++
		this.calls.Go(func() {
			defer r.done(request.Role)
			ctx, cancel := context.WithTimeout(e.life, bus.RequestTimeout)
			defer cancel()
			data, err := this.handler(ctx, request)
			if err != nil {
				data, err = nil, refusal(err)
			}
			answer(data, err)
		})
	}
	return asked, busy
}

// done gives back what start has taken.
func (r *responders) done(role string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[role]--; r.running[role] == 0 {
		delete(r.running, role)
	}
}

// refusal returns the error as one that can be told to another process.
func refusal(err error) error {
	if refused, ok := errors.AsType[*bus.RequestError](err); ok {
		return refused
	}
	return &bus.RequestError{Code: bus.CodeInternal, Reason: err.Error()}
}

// finish waits until no handler runs any more, or ctx ends. There are no new ones after stop.
func (r *responders) finish(ctx context.Context) {
	r.mu.Lock()
	running := slices.Concat(slices.Collect(maps.Values(r.topics))...)
	r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, this := range running {
			this.calls.Wait()
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// answer is one to a request.
type answer struct {
	data  []byte
	err   error
	local bool
}

// Request implements [bus.Requester]. ask puts the question to those outside and calls deliver, from any goroutine, with each of their
// answers, or with [bus.ErrNoResponders] if there are none; it is nil if there is no outside.
func (e *Engine) Request(ctx context.Context, topic string, data []byte, ask func(deliver func([]byte, error)) (stop func(), err error)) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := cmp.Or(CheckRequest(topic), ctx.Err()); err != nil {
			yield(nil, err)
			return
		}
		if e.stopped.Load() {
			yield(nil, bus.ErrClosed)
			return
		}
		answers := make(chan answer, bus.MaxResponders)
		deliver := func(a answer) {
			select {
			case answers <- a:
			default: // whoever asks does not read
			}
		}
		local := e.Answer(bus.Request{Topic: topic, Data: data}, func(data []byte, err error) { deliver(answer{data, err, true}) })
		outside := false
		if ask != nil {
			stop, err := ask(func(data []byte, err error) { deliver(answer{data, err, false}) })
			if err == nil {
				defer stop()
			} else if local == 0 {
				yield(nil, err)
				return
			}
			outside = err == nil
		}
		answered := false
		for local > 0 || outside {
			select {
			case a := <-answers:
				if a.local {
					local--
				}
				if !a.local && errors.Is(a.err, bus.ErrNoResponders) {
					outside = false
					continue
				}
				answered = true
				if !yield(a.data, a.err) {
					return
				}
			case <-ctx.Done():
				if !answered {
					yield(nil, ctx.Err())
				}
				return
			case <-e.life.Done():
				if !answered {
					yield(nil, bus.ErrClosed)
				}
				return
			}
		}
		if !answered {
			yield(nil, bus.ErrNoResponders)
		}
	}
}
