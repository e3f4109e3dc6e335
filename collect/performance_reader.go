package collect

import (
	"context"
	"maps"
	"os"
	"runtime"
	"slices"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
)

// performanceReader reads a sample, without its time. What cannot be read is left nil: a host that does not tell its load still
// tells its memory.
type performanceReader interface {
	read(ctx context.Context) performanceSample
}

// hostPerformance reads this host by gopsutil. It takes processor times, not shares: gopsutil computes those from the last call, by
// whomever in the process.
type hostPerformance struct {
	mounts []string // empty: those on disks, and the root
}

func (h hostPerformance) read(ctx context.Context) performanceSample {
	var sample performanceSample
	for _, perCore := range [...]bool{false, true} {
		if times, err := cpu.TimesWithContext(ctx, perCore); err == nil {
			sample.cpus = append(sample.cpus, times...)
		}
	}
	if memory, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		sample.memory = memory
	}
	if swap, err := mem.SwapMemoryWithContext(ctx); err == nil {
		sample.swap = swap
	}
	sample.mounts = h.readMounts(ctx)
	if disks, err := disk.IOCountersWithContext(ctx); err == nil {
		sample.disks = disks
	}
	// Windows has no load: gopsutil would start a goroutine there that computes one, and never ends.
	if runtime.GOOS != "windows" {
		if average, err := load.AvgWithContext(ctx); err == nil {
			sample.load = average
		}
	}
	if uptime, err := host.UptimeWithContext(ctx); err == nil {
		sample.uptime = &uptime
	}
	return sample
}

func (h hostPerformance) readMounts(ctx context.Context) []mount {
	partitions, err := disk.PartitionsWithContext(ctx, false)
	if err != nil {
		partitions = nil // what is asked for by name is measured all the same
	}
	var mounts []mount
	for _, m := range h.selectMounts(partitions) {
		if ctx.Err() != nil {
			return nil
		}
		if m.usage, err = disk.UsageWithContext(ctx, m.point); err == nil {
			mounts = append(mounts, m)
		}
	}
	return mounts
}

// selectMounts returns the mounts to measure, in the order of their mount points. A filesystem that is mounted in several places
// is measured in the one with the shortest path.
func (h hostPerformance) selectMounts(partitions []disk.PartitionStat) []mount {
	byPoint := make(map[string]mount)
	for _, p := range partitions {
		byPoint[p.Mountpoint] = mount{device: p.Device, point: p.Mountpoint, fstype: p.Fstype}
	}
	points := h.mounts
	if len(points) == 0 {
		byDevice := make(map[string]mount)
		for _, point := range sortedKeys(byPoint) {
			m := byPoint[point]
			if known, ok := byDevice[m.device]; !ok || len(point) < len(known.point) {
				byDevice[m.device] = m
			}
		}
		for _, m := range byDevice {
			points = append(points, m.point)
		}
		points = append(points, rootMount())
	}
	points = slices.Compact(slices.Sorted(slices.Values(points)))
	mounts := make([]mount, 0, len(points))
	for _, point := range points {
		m := byPoint[point]
		m.point = point // also of one that is not on a disk
		mounts = append(mounts, m)
	}
	return mounts
}

// rootMount is there in a container too, where it is not on a disk.
func rootMount() string {
	if drive := os.Getenv("SystemDrive"); runtime.GOOS == "windows" && drive != "" {
		return drive
	}
	return "/"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
