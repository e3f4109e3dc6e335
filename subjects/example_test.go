package subjects_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/daemoneye/eventbus/subjects"
)

func ExampleValidateTopic() {
	fmt.Println(subjects.ValidateTopic("events.process.lifecycle"))
	fmt.Println(subjects.ValidateTopic("events.Process.lifecycle"))

	err := subjects.ValidateTopic("system.boot")
	if refusal, ok := errors.AsType[*subjects.Error](err); ok {
		fmt.Println(refusal.Reason)
	}
	// Output:
	// <nil>
	// subjects: invalid topic "events.Process.lifecycle": 'P' is not one of a-z, 0-9, '_' and '-' (at byte 7, segment 2)
	// first segment system is reserved
}

func ExampleParsePattern() {
	for _, text := range []string{"events.process.*", "process", "events.process.#", "#", "events.+.+.+.+.+"} {
		p, err := subjects.ParsePattern(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(p, p.Subjects())
	}
	// Output:
	// events.process.+ [events.process.*]
	// events.process.+ [events.process.*]
	// events.process.# [events.process events.process.>]
	// # [events.> control.>]
	// subjects: invalid pattern "events.+.+.+.+.+": matches nothing: a topic has at most 5 segments (at byte 15, segment 6)
}

func ExamplePattern_Match() {
	p, err := subjects.ParsePattern("events.process.#")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, topic := range []string{"events.process", "events.process.lifecycle", "events.network.dns"} {
		fmt.Println(topic, p.Match(topic))
	}
	// Output:
	// events.process true
	// events.process.lifecycle true
	// events.network.dns false
}

func ExampleIndex() {
	var index subjects.Index[string]
	for _, subscription := range [][2]string{
		{"alice", "events.process.+"},
		{"alice", "events.#"}, // overlaps, and alice is still found once
		{"bob", "events.network.+"},
		{"carol", "#"},
	} {
		p, err := subjects.ParsePattern(subscription[1])
		if err != nil {
			fmt.Println(err)
			return
		}
		index.Insert(p, subscription[0])
	}

	found := index.Match(subjects.ProcessLifecycle, nil)
	slices.Sort(found)
	fmt.Println(found)
	// Output: [alice carol]
}

func ExampleCollectorTaskFor() {
	fmt.Println(subjects.CollectorTaskFor("yara_scan", "host-7"))
	_, err := subjects.CollectorTaskFor("yara_scan", "#")
	fmt.Println(err)
	// Output:
	// control.collector.task.yara_scan.host-7 <nil>
	// subjects: invalid topic "control.collector.task.yara_scan.#": collector id: wildcard '#' is for patterns only (at byte 33, segment 5)
}

func ExampleHierarchy() {
	for _, e := range subjects.Hierarchy() {
		if e.Collector == "network" {
			fmt.Printf("%-28s %-10s %s\n", e.Pattern, e.Access, e.Publisher)
		}
	}
	// Output:
	// events.network.connections   restricted collector
	// events.network.dns           restricted collector
	// events.network.traffic       restricted collector
	// events.network.anomaly       public     collector
}
