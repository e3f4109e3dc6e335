package collect

import (
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// performanceSample is what a scan reads. What the system does not tell is nil.
type performanceSample struct {
	at     time.Time
	cpus   []cpu.TimesStat // the total and each core, by their names
	memory *mem.VirtualMemoryStat
	swap   *mem.SwapMemoryStat
	mounts []mount
	disks  map[string]disk.IOCountersStat
	load   *load.AvgStat
	uptime *uint64 // seconds
}

// mount is a mounted filesystem.
type mount struct {
	device, point, fstype string
	usage                 *disk.UsageStat
}

// metrics returns what the sample says, together with the one before where it takes two.
func (s *performanceSample) metrics(last *performanceSample) []metric {
	return slices.Concat(s.cpuMetrics(last), s.memoryMetrics(), s.mountMetrics(), s.diskMetrics(last), s.systemMetrics())
}

func (s *performanceSample) cpuMetrics(last *performanceSample) (metrics []metric) {
	before := make(map[string]cpu.TimesStat, len(last.cpus))
	for _, times := range last.cpus {
		before[times.CPU] = times
	}
	for _, times := range s.cpus {
		if then, ok := before[times.CPU]; ok {
			if share, ok := busyShare(then, times); ok {
				component := strings.TrimSuffix(times.CPU, "-total")
				metrics = append(metrics, metric{name: "cpu_usage", value: 100 * share, unit: "percent", component: component})
			}
		}
	}
	return metrics
}

// busyShare returns the share of the time between two readings in which a processor was busy. It reports false if no time has passed, or
// the counters went back, as they do when a core was off.
func busyShare(then, now cpu.TimesStat) (share float64, ok bool) {
	total, idle := cpuTimes(now)
	totalThen, idleThen := cpuTimes(then)
	total, idle = total-totalThen, idle-idleThen
	if total <= 0 {
		return 0, false
	}
	// Rounding can make the parts a little more than the whole, and the time of waiting for disks can go back.
	return min(max((total-idle)/total, 0), 1), true
}

// cpuTimes returns all the time of a processor, and that in which it had nothing to do. The time of guests is not added, since the
// kernel counts it as the user's as well.
func cpuTimes(t cpu.TimesStat) (total, idle float64) {
	idle = t.Idle + t.Iowait
	return t.User + t.System + t.Nice + t.Irq + t.Softirq + t.Steal + idle, idle
}

func (s *performanceSample) memoryMetrics() (metrics []metric) {
	add := func(component, name, unit string, value float64) {
		metrics = append(metrics, metric{name: name, value: value, unit: unit, component: component})
	}
	if m := s.memory; m != nil {
		add("memory", "memory_total", "bytes", float64(m.Total))
		add("memory", "memory_used", "bytes", float64(m.Used))
		add("memory", "memory_available", "bytes", float64(m.Available))
		add("memory", "memory_usage", "percent", m.UsedPercent)
	}
	if m := s.swap; m != nil {
		add("swap", "swap_total", "bytes", float64(m.Total))
		add("swap", "swap_used", "bytes", float64(m.Used))
		if m.Total > 0 {
			add("swap", "swap_usage", "percent", m.UsedPercent)
		}
	}
	return metrics
}

func (s *performanceSample) mountMetrics() (metrics []metric) {
	for _, m := range s.mounts {
		add := func(name, unit string, value float64) {
			metadata := bus.Metadata{"mount_point": m.point}
			if m.device != "" {
				metadata["device"] = m.device
			}
			if m.fstype != "" {
				metadata["filesystem"] = m.fstype
			}
			metrics = append(metrics, metric{name: name, value: value, unit: unit, component: m.point, metadata: metadata})
		}
		add("disk_total", "bytes", float64(m.usage.Total))
		add("disk_used", "bytes", float64(m.usage.Used))
		add("disk_free", "bytes", float64(m.usage.Free))
		if m.usage.Total > 0 {
			add("disk_usage", "percent", m.usage.UsedPercent)
		}
	}
	return metrics
}

func (s *performanceSample) diskMetrics(last *performanceSample) (metrics []metric) {
	elapsed := s.at.Sub(last.at).Seconds()
	for _, name := range sortedKeys(s.disks) {
		now := s.disks[name]
		then, ok := last.disks[name]
		// A device that was never used is none to watch: systems list dozens of empty loop and memory devices. One whose counters
		// went back is another one by now.
		if !ok || elapsed <= 0 || now.ReadBytes+now.WriteBytes == 0 || now.ReadBytes < then.ReadBytes || now.WriteBytes < then.WriteBytes {
			continue
		}
		add := func(metricName string, bytes uint64) {
			metrics = append(metrics, metric{
				name: metricName, value: float64(bytes) / elapsed, unit: "bytes/s", component: name, metadata: bus.Metadata{"device": name},
			})
		}
		add("disk_read_rate", now.ReadBytes-then.ReadBytes)
		add("disk_write_rate", now.WriteBytes-then.WriteBytes)
	}
	return metrics
}

func (s *performanceSample) systemMetrics() (metrics []metric) {
	add := func(name, unit string, value float64) {
		metrics = append(metrics, metric{
			topic: subjects.PerformanceSystem, name: name, value: value, unit: unit, component: "system",
		})
	}
	if s.load != nil {
		add("load_1", "threads", s.load.Load1)
		add("load_5", "threads", s.load.Load5)
		add("load_15", "threads", s.load.Load15)
	}
	if s.uptime != nil {
		add("uptime", "seconds", float64(*s.uptime))
	}
	return metrics
}
