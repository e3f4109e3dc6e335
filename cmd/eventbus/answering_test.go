package main_test

import (
	"context"
	"encoding/json"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/subjects"
)

// answer makes a fake collector one that is asked how it is, or that has something to tell then:
//
//	answer ID VERSION [HEARTBEAT]  answer as that program, and beat
//	missed ID                      beat once as that program, and never again
//	unwell ID                      answer as a program that says why it is not well
//	behind ID                      answer as a program whose clock is an hour slow
//	tell JSON                      answer with these counters, which take violence to make
//	stuck N                        subscribe to process events, with a queue for N of them, and never read
//	fragile                        the same with a circuit that opens at the second event that finds no room
//	open N                         have N files open more
//
// It returns false for other commands.
func answer(ctx context.Context, b bus.Bus, words []string) (known bool, err error) {
	switch words[0] {
	case "answer":
		options := control.Options{ID: words[1], Program: "fake", Version: words[2]}
		if len(words) > 3 {
			if options.Heartbeat, err = time.ParseDuration(words[3]); err != nil {
				return true, err
			}
		}
		_, err = control.Serve(ctx, b, options)
	case "missed":
		// The last word of a program that is never heard again.
		topic, err := subjects.HeartbeatFor(words[1])
		if err != nil {
			return true, err
		}
		now := time.Now()
		return true, b.Publish(ctx, bus.Event{Topic: topic, Payload: &bus.HealthEvent{
			ID: words[1], Status: bus.HealthHealthy, Interval: control.MinHeartbeat, Timestamp: now,
		}})
	case "unwell":
		_, err = control.Serve(ctx, b, control.Options{ID: words[1], Reasons: func() []string { return []string{"the disk is full"} }})
	case "behind":
		_, err = b.(bus.Requester).Respond(ctx, subjects.ControlHealthDiagnostics, func(context.Context, bus.Request) ([]byte, error) {
			return json.Marshal(control.DiagnosticsReport{ID: words[1], Time: time.Now().Add(-time.Hour), Statistics: bus.Statistics{Connected: true}})
		})
	case "tell":
		_, err = b.(bus.Requester).Respond(ctx, subjects.ControlHealthDiagnostics, func(context.Context, bus.Request) ([]byte, error) {
			return []byte(words[1]), nil
		})
	case "stuck":
		capacity, err := strconv.Atoi(words[1])
		if err != nil {
			return true, err
		}
		_, err = b.Subscribe(ctx, bus.Subscription{ID: "stuck", Patterns: []string{"events.process.#"}, QueueCapacity: capacity, Overflow: bus.DropNewest})
		return true, err
	case "fragile":
		_, err = b.Subscribe(ctx, bus.Subscription{
			ID: "fragile", Patterns: []string{"events.process.#"}, QueueCapacity: 1, Overflow: bus.BreakCircuit, CircuitBreak: bus.CircuitBreak{Overflows: 2},
		})
	case "open":
		n, err := strconv.Atoi(words[1])
		if err != nil {
			return true, err
		}
		for range n {
			if _, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0); err != nil {
				return true, err
			}
		}
		return true, nil
	default:
		return false, nil
	}
	return true, err
}
