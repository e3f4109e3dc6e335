// Package bustest is the contract of package bus as tests. Every bus runs the same cases:
//
//	func TestContract(t *testing.T) {
//		bustest.Run(t, func(t testing.TB, options bus.Options) bustest.Pair { … })
//	}
//
// A case has the number of the contract's line, a name, and the rule in words, which a failure repeats. Where a
// transport allows, publisher and subscriber are different bus values, so that an event crosses the transport.
//
// # Time
//
// No case waits for time to pass. That an event does not arrive is shown by a later one, the marker, that arrives first,
// which the order of events allows.
package bustest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// Patience bounds every wait of a case.
const Patience = 20 * time.Second

// Pair is where a case publishes and where it subscribes. They are the same value on a bus without a transport.
type Pair struct {
	Publisher, Subscriber bus.Bus
}

// remote reports whether events cross a transport.
func (p Pair) remote() bool { return p.Publisher != p.Subscriber }

// Opener returns buses made with the options. They are shut down, if they are not yet, by a cleanup of the opener's.
type Opener func(t testing.TB, options bus.Options) Pair

// contractCase is one testable sentence of the contract.
type contractCase struct {
	line int
	name string
	rule string
	run  func(t *testing.T, open Opener)
}

// Run runs every case of the contract.
func Run(t *testing.T, open Opener) {
	var cases []contractCase
	for _, group := range [][]contractCase{publishCases, filterCases, queueCases, deliveryCases, lifecycleCases, inputCases, receiverCases, requestCases, tuningCases} {
		cases = append(cases, group...)
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("line%02d/%s", c.line, c.name), func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("violated: contract line %d: %s", c.line, c.rule)
				}
			})
			c.run(t, open)
		})
	}
}

// process returns an event about a process with that PID.
func process(pid uint32) bus.Event {
	return bus.Event{Payload: &bus.ProcessEvent{PID: pid, Name: fmt.Sprint("process-", pid), CommandLine: []string{"sleep", "7"}, Timestamp: time.Now()}}
}

// on returns the event with another topic.
func on(topic string, event bus.Event) bus.Event {
	event.Topic = topic
	return event
}

// markerPID is the process of the marker event.
const markerPID = 4_000_000_000

// marker is an event that closes a sequence: what was published before it and wanted has arrived by the time it does.
func marker() bus.Event { return on(subjects.ProcessLifecycle, process(markerPID)) }

func background(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

func publish(t testing.TB, b bus.Bus, events ...bus.Event) {
	t.Helper()
	for _, event := range events {
		require.NoError(t, b.Publish(background(t), event))
	}
}

func subscribe(t testing.TB, b bus.Bus, subscription bus.Subscription) bus.Receiver {
	t.Helper()
	r, err := b.Subscribe(background(t), subscription)
	require.NoError(t, err)
	return r
}

func next(t testing.TB, r bus.Receiver) *bus.Event {
	t.Helper()
	event, err := r.Next(background(t))
	require.NoError(t, err)
	require.NotNil(t, event)
	return event
}

// untilMarker returns the PIDs of the events before the marker.
func untilMarker(t testing.TB, r bus.Receiver) []uint32 {
	t.Helper()
	pids := []uint32{}
	for {
		pid, _ := next(t, r).PID()
		if pid == markerPID {
			return pids
		}
		pids = append(pids, pid)
	}
}

// witness subscribes to settle the question when everything published so far has been offered to every other subscription.
type witness struct {
	receiver bus.Receiver
	on       bus.Bus
}

const witnessTopic = subjects.PerformanceSystem

func newWitness(t testing.TB, p Pair) witness {
	return witness{receiver: subscribe(t, p.Subscriber, bus.Subscription{ID: "witness", Patterns: []string{witnessTopic}}), on: p.Publisher}
}

// settle returns when the subscriptions of the subscriber's bus have been offered all that the publisher has published.
func (w witness) settle(t testing.TB) {
	t.Helper()
	publish(t, w.on, bus.Event{Topic: witnessTopic, Payload: &bus.PerformanceEvent{MetricName: "settled", Timestamp: time.Now()}})
	next(t, w.receiver)
}

// pids returns the numbers from first to last.
func pids(first, last uint32) []uint32 {
	var out []uint32
	for pid := first; pid <= last; pid++ {
		out = append(out, pid)
	}
	return out
}

// processes returns an event for each of pids.
func processes(pids []uint32) []bus.Event {
	var out []bus.Event
	for _, pid := range pids {
		out = append(out, process(pid))
	}
	return out
}
