// Command detector shows a workflow over the bus: a collector reports processes, a detector finds one and asks for an analysis, an analyser
// answers, and the detector follows the correlation from the first event to the answer. The three know each other's topics alone; they
// are goroutines here, and could be processes.
//
//	go run ./examples/detector              # looks for itself, so there is something to find
//	go run ./examples/detector -name sshd
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/subjects"
)

func main() {
	log.SetFlags(0)
	name := flag.String("name", "detector", "the `name` of a process to find")
	flag.Parse()
	if err := run(*name); err != nil {
		log.Fatal("detector: ", err)
	}
}

func run(name string) (err error) {
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	b, err := eventbus.Open(ctx, eventbus.Config{BusType: eventbus.Local}) // or leave BusType out, for one that others can attach to
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	defer func() {
		stop() // the collector
		ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, b.Shutdown(ending)) // and with it the analyser
		running.Wait()
	}()
	hits, err := b.Subscribe(ctx, bus.Subscription{ID: "detector", Patterns: []string{"events.process.+"}, Overflow: bus.DropOldest})
	if err != nil {
		return err
	}
	defer func() { _ = b.Unsubscribe(context.Background(), hits.ID()) }() // who reads no more must end, or Shutdown waits for it
	requests, err := b.Subscribe(ctx, bus.Subscription{ID: "analyser", Patterns: []string{subjects.ControlTriggerRequest}})
	if err != nil {
		return err
	}
	running.Go(func() { analyse(ctx, b, requests) })
	running.Go(func() { _ = collect.NewProcesses(b, nil).Run(ctx) }) // an error leaves nothing to detect, and ctx ends the wait
	for event, err := range hits.All(ctx) {
		if err != nil {
			return fmt.Errorf("no process %q: %w", name, err)
		}
		if p, ok := event.Payload.(*bus.ProcessEvent); ok && p.Name == name && p.ExecutablePath != "" {
			return investigate(ctx, b, event, p)
		}
	}
	return bus.ErrClosed
}

// investigate asks for an analysis of the process of an event, and prints the chain of events that follows from it.
func investigate(ctx context.Context, b bus.Bus, hit *bus.Event, p *bus.ProcessEvent) error {
	// Everything that follows from the hit has its root. Subscribe first, so that nothing is missed.
	chain, err := b.Subscribe(ctx, bus.Subscription{
		ID: "detector-" + hit.Correlation.RootID, Patterns: []string{"events.#", "control.#"},
		Correlations: bus.CorrelationFilter{RootIDs: []string{hit.Correlation.RootID}},
	})
	if err != nil {
		return err
	}
	defer func() { _ = b.Unsubscribe(context.Background(), chain.ID()) }()
	step := hit.Correlation.Child()
	step.Stage = "analysis"
	err = b.Publish(ctx, bus.Event{Source: "detector", Correlation: step, Payload: &bus.TriggerRequest{
		TriggerID: uuid.NewString(), TargetCollector: "analyser", AnalysisType: bus.AnalysisBinaryHash, Priority: bus.PriorityHigh,
		TargetPID: &p.PID, TargetPath: p.ExecutablePath, CorrelationID: step.ID, Timestamp: time.Now(),
	}})
	if err != nil {
		return err
	}
	show(hit)
	for event, err := range chain.All(ctx) {
		if err != nil {
			return fmt.Errorf("no answer: %w", err)
		}
		show(event)
		if answer, ok := event.Payload.(*bus.ProcessEvent); ok && event.Correlation.ParentID == step.ID {
			fmt.Println(answer.HashAlgorithm, answer.ExecutableHash, answer.ExecutablePath)
			return nil
		}
	}
	return bus.ErrClosed
}

// show prints a step of the chain.
func show(e *bus.Event) {
	fmt.Printf("%d %-25s from %-8s stage %q\n", e.Correlation.Sequence, e.Topic, e.Source, e.Correlation.Stage)
}

// analyse answers requests until the bus is shut down.
func analyse(ctx context.Context, b bus.Bus, requests bus.Receiver) {
	for event := range requests.All(context.Background()) {
		request, ok := event.Payload.(*bus.TriggerRequest)
		if !ok || request.TargetCollector != "analyser" || request.TargetPID == nil {
			continue // not for this one
		}
		answer := &bus.ProcessEvent{PID: *request.TargetPID, ExecutablePath: request.TargetPath, Timestamp: time.Now()}
		if file, err := os.Open(request.TargetPath); err == nil {
			sum := sha256.New()
			if _, err := io.Copy(sum, file); err == nil {
				answer.ExecutableHash, answer.HashAlgorithm, answer.Accessible = fmt.Sprintf("%x", sum.Sum(nil)), "sha256", true
			}
			file.Close()
		}
		// The answer is the next step of the same workflow.
		reply := bus.Event{Topic: subjects.ProcessIntegrity, Source: "analyser", Correlation: event.Correlation.Child(), Payload: answer}
		if err := b.Publish(ctx, reply); err != nil {
			log.Print("analyser: ", err)
		}
	}
}
