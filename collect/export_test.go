package collect

import (
	"context"
	"io/fs"
	"net/netip"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
)

const (
	MaxCommandLine = maxCommandLine
	RefreshScans   = refreshScans
)

// NewProcessesIn returns a collector of the processes in a /proc of the test's own.
func NewProcessesIn(publisher Publisher, options *ProcessOptions, proc fs.FS, boot time.Time) *Processes {
	p := NewProcesses(publisher, options)
	p.newReader = func() (processReader, error) { return &procfs{root: proc, boot: boot, pageSize: 4096}, nil }
	return p
}

// NewPortableProcesses returns a collector that reads as it does on other systems.
func NewPortableProcesses(publisher Publisher, options *ProcessOptions) *Processes {
	p := NewProcesses(publisher, options)
	p.newReader = func() (processReader, error) { return gopsutil{}, nil }
	return p
}

// ParseStat returns a few fields of a stat file.
func ParseStat(line []byte) (name string, start uint64, err error) {
	stat, err := parseStat(line)
	return stat.name, stat.start, err
}

// CleanArguments returns a command line as it goes into an event, and what was cut.
func CleanArguments(args []string) ([]string, []string) {
	var texts texts
	return texts.arguments(args), texts.cut
}

// CleanText returns a text as it goes into an event, and whether it was cut.
func CleanText(text string, limit int) (string, bool) {
	var texts texts
	out := texts.text("field", text, limit)
	return out, len(texts.cut) > 0
}

// Hasher is the hasher of executables.
type Hasher struct{ *hasher }

func NewHasher(limit int64) Hasher { return Hasher{newHasher(limit)} }

func (h Hasher) Refill(budget int64, until time.Time) { h.refill(budget, until) }
func (h Hasher) Resume(ctx context.Context)           { h.resume(ctx) }
func (h Hasher) Close()                               { h.close() }
func (h Hasher) Sum(ctx context.Context, path string, open func() (fs.File, error)) (string, bool) {
	return h.sum(ctx, path, open)
}

// Connection is what a scan reads of a connection.
type Connection = connection

// MakeConnection returns a connection; remote may be empty, and pid, cookie and bytes 0 for unknown.
func MakeConnection(protocol, local, remote, state string, pid uint32, cookie, bytes uint64) Connection {
	c := connection{connectionKey: connectionKey{protocol: protocol, local: netip.MustParseAddrPort(local)}, state: state, cookie: cookie}
	if remote != "" {
		c.remote = netip.MustParseAddrPort(remote)
	}
	if pid != 0 {
		c.pid = &pid
	}
	if bytes != 0 {
		c.sent, c.received = &bytes, &bytes
	}
	return c
}

// NewConnectionsOf returns a collector of the connections that read returns.
func NewConnectionsOf(publisher Publisher, options *ConnectionOptions, read func(context.Context) ([]Connection, error)) *Connections {
	c := NewConnections(publisher, options)
	c.read = read
	return c
}

type samples func() performanceSample

func (s samples) read(context.Context) performanceSample { return s() }

// NewPerformanceOf returns a collector of samples that the test makes.
func NewPerformanceOf(publisher Publisher, options *PerformanceOptions,
	next func() ([]cpu.TimesStat, map[string]disk.IOCountersStat, *load.AvgStat),
) *Performance {
	p := NewPerformance(publisher, options)
	p.reader = samples(func() (sample performanceSample) {
		sample.cpus, sample.disks, sample.load = next()
		return sample
	})
	return p
}

// SelectMounts returns the mount points that are measured.
func SelectMounts(mounts []string, partitions []disk.PartitionStat) []string {
	var points []string
	for _, m := range (hostPerformance{mounts: mounts}).selectMounts(partitions) {
		points = append(points, m.point)
	}
	return points
}

// Scans returns a function that makes one scan and returns the number of processes.
func Scans(p *Processes) (func(context.Context) (int, error), error) {
	reader, err := p.newReader()
	if err != nil {
		return nil, err
	}
	scan := &processScan{out: p.out, reader: reader, table: make(map[uint32]*trackedProcess)}
	return func(ctx context.Context) (int, error) {
		err := scan.run(ctx)
		return len(scan.table), err
	}, nil
}
