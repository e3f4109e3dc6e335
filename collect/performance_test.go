package collect_test

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/subjects"
)

// TestPerformanceOfThisHost reads the real host.
func TestPerformanceOfThisHost(t *testing.T) {
	events := newRecorder()
	run(t, collect.NewPerformance(events, &collect.PerformanceOptions{Interval: 200 * time.Millisecond}))
	values := map[string]*bus.PerformanceEvent{}
	_, before := events.until(t, "second scan", func(event *bus.Event) bool {
		p := event.Payload.(*bus.PerformanceEvent)
		return p.MetricName == "cpu_usage" && p.Component == "cpu0"
	})
	for _, event := range before {
		require.Equal(t, "performance", event.Source)
		p := event.Payload.(*bus.PerformanceEvent)
		if _, ok := values["cpu_usage"]; !ok && p.MetricName == "cpu_usage" {
			require.NotEmpty(t, values, "the first scan has no share of the processor")
		}
		values[p.MetricName] = p
		switch p.Unit {
		case "percent":
			require.GreaterOrEqual(t, p.Value, 0.0, p.MetricName)
			require.LessOrEqual(t, p.Value, 100.0, p.MetricName)
		case "bytes", "bytes/s", "seconds", "threads":
			require.GreaterOrEqual(t, p.Value, 0.0, p.MetricName)
		default:
			require.Fail(t, "unit", p.Unit)
		}
		want := subjects.PerformanceUtilization
		if p.Component == "system" {
			want = subjects.PerformanceSystem
		}
		require.Equal(t, want, event.Topic)
	}
	require.Greater(t, values["memory_total"].Value, float64(1<<20))
	require.LessOrEqual(t, values["memory_used"].Value, values["memory_total"].Value)
	require.Contains(t, values, "cpu_usage")
	require.Contains(t, values, "disk_total")
	require.Contains(t, values, "uptime")
	if runtime.GOOS == "windows" {
		require.NotContains(t, values, "load_1")
	} else {
		require.Contains(t, values, "load_1")
	}
}

// TestRates: shares and rates are of the time between two scans, and absent where there are not two readings that fit.
func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type sample struct {
			cpus  []cpu.TimesStat
			disks map[string]disk.IOCountersStat
			load  *load.AvgStat
		}
		samples := make(chan sample, 1)
		events := newRecorder()
		next := func() ([]cpu.TimesStat, map[string]disk.IOCountersStat, *load.AvgStat) {
			s := <-samples
			return s.cpus, s.disks, s.load
		}
		scan := func(s sample) map[string]float64 {
			samples <- s
			<-time.After(10 * time.Second)
			synctest.Wait()
			values := map[string]float64{}
			for _, event := range events.queued(t) {
				p := event.Payload.(*bus.PerformanceEvent)
				values[p.Component+" "+p.MetricName] = p.Value
			}
			return values
		}
		samples <- sample{
			cpus:  []cpu.TimesStat{{CPU: "cpu-total", User: 10, Idle: 90}, {CPU: "cpu0", User: 5, Idle: 5}},
			disks: map[string]disk.IOCountersStat{"sda": {ReadBytes: 1000, WriteBytes: 50}, "loop0": {}},
			load:  &load.AvgStat{Load1: 1, Load5: 2, Load15: 3},
		}
		run(t, collect.NewPerformanceOf(events, &collect.PerformanceOptions{Interval: 10 * time.Second}, next))
		synctest.Wait()
		require.Len(t, events.queued(t), 3, "load, but no rates yet")

		// The guest's time is part of the user's. Waiting for a disk is not work. cpu0 was off, so its counters began anew.
		require.Equal(t, map[string]float64{
			"cpu cpu_usage": 30, "sda disk_read_rate": 100, "sda disk_write_rate": 5,
		}, scan(sample{
			cpus: []cpu.TimesStat{
				{CPU: "cpu-total", User: 12, Guest: 2, Steal: 1, Idle: 96, Iowait: 1},
				{CPU: "cpu0", User: 1, Idle: 1},
			},
			disks: map[string]disk.IOCountersStat{"sda": {ReadBytes: 2000, WriteBytes: 100}, "sdb": {ReadBytes: 9}, "loop0": {}},
		}))
		require.Empty(t, scan(sample{}), "what the system no longer tells is absent, not zero")
		close(samples)
	})
}

func TestSelectMounts(t *testing.T) {
	partitions := []disk.PartitionStat{
		{Device: "/dev/sda1", Mountpoint: "/var/lib/bound"}, {Device: "/dev/sda1", Mountpoint: "/var"}, {Device: "/dev/sdb1", Mountpoint: "/home"},
	}
	points := collect.SelectMounts(nil, partitions)
	require.Len(t, points, 3)
	require.Contains(t, points, "/var")
	require.Contains(t, points, "/home")
	require.Equal(t, []string{"/data"}, collect.SelectMounts([]string{"/data", "/data"}, partitions))
}
