package subjects_test

import (
	"fmt"
	"testing"

	"github.com/daemoneye/eventbus/subjects"
)

func BenchmarkValidateTopic(b *testing.B) {
	for _, topic := range []string{"control.shutdown", "events.process.lifecycle", "control.collector.task.yara_scan.host-7"} {
		b.Run(fmt.Sprintf("bytes=%d", len(topic)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := subjects.ValidateTopic(topic); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParsePattern(b *testing.B) {
	for _, pattern := range []string{"events.process.lifecycle", "events.process.+", "process.*", "events.#"} {
		b.Run("pattern="+pattern, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := subjects.ParsePattern(pattern); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPatternMatch(b *testing.B) {
	for _, pattern := range []string{"events.process.lifecycle", "events.process.+", "events.#", "#"} {
		b.Run("pattern="+pattern, func(b *testing.B) {
			p := parse(b, pattern)
			b.ReportAllocs()
			for b.Loop() {
				if !p.Match("events.process.lifecycle") {
					b.Fatal("no match")
				}
			}
		})
	}
}

// One subscription of many matches: the cost must not follow their number.
func BenchmarkIndexMatch(b *testing.B) {
	const topic = "events.process.lifecycle"
	for _, subs := range []int{1, 10, 1_000, 10_000} {
		b.Run(fmt.Sprintf("subs=%d", subs), func(b *testing.B) {
			x := oneOf(b, subs, topic)
			dst := make([]*int, 0, 1)
			b.ReportAllocs()
			for b.Loop() {
				if dst = x.Match(topic, dst[:0]); len(dst) != 1 {
					b.Fatal("no match")
				}
			}
		})
	}
}

// All subscriptions match, each by several of its patterns.
func BenchmarkIndexMatchAll(b *testing.B) {
	const topic = "events.process.lifecycle"
	for _, subs := range []int{1, 10, 1_000, 10_000} {
		for _, patterns := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("subs=%d/patterns=%d", subs, patterns), func(b *testing.B) {
				var x subjects.Index[*int]
				for range subs {
					v := new(int)
					for _, p := range []string{"events.process.+", "events.#", "#", topic}[:patterns] {
						x.Insert(parse(b, p), v)
					}
				}
				dst := make([]*int, 0, subs)
				b.ReportAllocs()
				for b.Loop() {
					if dst = x.Match(topic, dst[:0]); len(dst) != subs {
						b.Fatal("not all matched")
					}
				}
			})
		}
	}
}
