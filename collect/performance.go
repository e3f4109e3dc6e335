package collect

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// PerformanceOptions configures [NewPerformance]. The zero value is valid.
type PerformanceOptions struct {
	// Interval is the time between scans; 0 is DefaultPerformanceInterval. Shares and rates are averages over it.
	Interval time.Duration
	// Mounts are the mount points whose filesystems are measured; empty is all that are on a disk, and the root. Naming a
	// network filesystem lets a scan hang when its server does.
	Mounts []string
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// DefaultPerformanceInterval smooths what a second would show as noise, and is in step with the kernel's load, which is computed every
// five seconds.
const DefaultPerformanceInterval = 5 * time.Second

// Performance reports how busy this host is. Each scan publishes an event for each of these, as far as the system knows them:
//
//	metric                                  unit     component
//	cpu_usage                               percent  cpu, and each core: cpu0, …
//	memory_total, _used, _available         bytes    memory
//	memory_usage                            percent  memory
//	swap_total, swap_used                   bytes    swap
//	swap_usage                              percent  swap
//	disk_total, disk_used, disk_free        bytes    mount point
//	disk_usage                              percent  mount point
//	disk_read_rate, disk_write_rate         bytes/s  device
//	load_1, load_5, load_15                 threads  system
//	uptime                                  seconds  system
//
// The first scan has no cpu_usage and no rates: they are differences between two scans. The last two lines are on
// events.performance.system, all others on events.performance.utilization. The metadata of disks names the device, the mount
// point and the type of the filesystem where they apply.
type Performance struct {
	out  *outlet
	pace *pace
	// reader is replaced in tests.
	reader performanceReader
}

// NewPerformance returns a collector of performance. Nil options are the defaults.
func NewPerformance(publisher Publisher, options *PerformanceOptions) *Performance {
	o := *cmp.Or(options, &PerformanceOptions{})
	return &Performance{
		out: newOutlet(publisher, "performance", o.Logger), pace: newPace(o.Interval, DefaultPerformanceInterval),
		reader: hostPerformance{mounts: o.Mounts},
	}
}

// Name implements [Collector].
func (*Performance) Name() string { return "performance" }

// Statistics implements [Collector].
func (p *Performance) Statistics() Statistics { return p.out.counters.snapshot() }

// Interval implements [Paced].
func (p *Performance) Interval() time.Duration { return p.pace.get() }

// SetInterval implements [Paced].
func (p *Performance) SetInterval(interval time.Duration) { p.pace.set(interval) }

// Run implements [Collector].
func (p *Performance) Run(ctx context.Context) error {
	var last performanceSample
	return p.out.scanEvery(ctx, p.pace, func(ctx context.Context) error {
		sample := p.reader.read(ctx)
		sample.at = time.Now()
		err := p.publish(ctx, sample.metrics(&last), sample.at)
		last = sample
		return err
	})
}

// metric is a value to publish.
type metric struct {
	topic     string
	name      string
	value     float64
	unit      string
	component string
	metadata  bus.Metadata
}

func (p *Performance) publish(ctx context.Context, metrics []metric, at time.Time) error {
	for _, m := range metrics {
		if err := ctx.Err(); err != nil {
			return err
		}
		if math.IsNaN(m.value) || math.IsInf(m.value, 0) {
			continue
		}
		var texts texts
		if m.metadata == nil {
			m.metadata = bus.Metadata{}
		}
		component := texts.text("component", m.component, maxPath)
		for key, value := range m.metadata {
			m.metadata[key] = texts.text(key, value, maxPath)
		}
		texts.mark(m.metadata)
		err := p.out.publish(ctx, cmp.Or(m.topic, subjects.PerformanceUtilization), &bus.PerformanceEvent{
			MetricName: m.name, Value: m.value, Unit: m.unit, Component: component, Timestamp: at.UTC(), Metadata: m.metadata,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
