package collect_test

import (
	"context"
	"testing"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
)

// BenchmarkProcessScan measures a scan of this host's processes in which nothing has changed, and the first one, which reads
// everything.
func BenchmarkProcessScan(b *testing.B) {
	for name, make := range map[string]func(collect.Publisher, *collect.ProcessOptions) *collect.Processes{
		"reader=own": collect.NewProcesses, "reader=portable": collect.NewPortableProcesses,
	} {
		b.Run(name, func(b *testing.B) {
			scans, err := collect.Scans(make(discard{}, &collect.ProcessOptions{NoHash: true}))
			if err != nil {
				b.Fatal(err)
			}
			count := 0
			for b.Loop() {
				if count, err = scans(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(count), "µs/process")
		})
	}
}

type discard struct{}

func (discard) Publish(context.Context, bus.Event) error { return nil }
