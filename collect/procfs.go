package collect

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// procfs reads the processes of Linux from its /proc. gopsutil could do that too, but it reads a process's stat file once for each
// value of it, computes start times from a boot time that moves with the clock, and does not tell whether a process has called
// exec: without these a scan costs nine times as much (BenchmarkProcessScan), and starts would carry the command line of their parent.
type procfs struct {
	root     fs.FS // /proc
	boot     time.Time
	pageSize uint64
}

var _ processReader = (*procfs)(nil)

// ticksPerSecond is the unit of times in stat files. The kernel calls it USER_HZ, and it is 100 wherever Go runs.
const ticksPerSecond = 100

// deletedMark is what the kernel appends to the path of an executable that was removed.
const deletedMark = " (deleted)"

func (p *procfs) list(ctx context.Context) ([]processStat, error) {
	entries, err := fs.ReadDir(p.root, ".")
	if err != nil {
		return nil, err
	}
	stats := make([]processStat, 0, len(entries))
	for _, entry := range entries {
		pid, err := strconv.ParseUint(entry.Name(), 10, 32)
		if err != nil {
			continue // not a process
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if stat, err := p.stat(uint32(pid)); err == nil {
			stats = append(stats, stat)
		}
	}
	if len(stats) == 0 {
		return nil, errors.New("no process in /proc: is it mounted?")
	}
	return stats, nil
}

// stat reads /proc/PID/stat.
func (p *procfs) stat(pid uint32) (processStat, error) {
	line, err := fs.ReadFile(p.root, strconv.FormatUint(uint64(pid), 10)+"/stat")
	if err != nil {
		return processStat{}, err
	}
	parsed, err := parseStat(line)
	if err != nil {
		return processStat{}, err
	}
	stat := processStat{
		pid:       pid,
		start:     parsed.start,
		startTime: p.boot.Add(ticks(parsed.start)).UTC(),
		name:      parsed.name,
		cpu:       new(ticks(parsed.user + parsed.system)),
		image:     parsed.image,
		kernel:    parsed.flags&flagKernelThread != 0,
		forked:    parsed.flags&flagForkNoExec != 0,
		// The leader of a process can end before its other threads: that is not the end of the process.
		ended: (parsed.state == 'Z' || parsed.state == 'X') && parsed.threads <= 1,
	}
	if parsed.ppid != 0 {
		stat.ppid = new(uint32(parsed.ppid))
	}
	if !stat.kernel && !stat.ended {
		stat.rss = new(parsed.residentPages * p.pageSize)
	}
	stat.forked = stat.forked && !stat.kernel
	return stat, nil
}

// ticks is a time of a stat file.
func ticks(n uint64) time.Duration { return time.Duration(n) * (time.Second / ticksPerSecond) }

// inspect reads until nothing has changed meanwhile.
func (p *procfs) inspect(ctx context.Context, listed processStat) (processStat, processDetails, bool) {
	before := listed
	for range 3 {
		details := p.details(before)
		after, err := p.stat(before.pid)
		switch {
		case err != nil || !after.same(&before) || ctx.Err() != nil:
			return listed, processDetails{}, false
		case after.ended && !before.ended:
			// It has ended under our eyes; what we saw was it if we saw anything.
			return before, details, details.accessible && len(details.args) > 0
		case after.image == before.image && after.name == before.name && after.forked == before.forked:
			return after, details, true
		}
		before = after
	}
	return listed, processDetails{}, false
}

func (p *procfs) details(stat processStat) processDetails {
	if stat.ended {
		return processDetails{}
	}
	dir := strconv.FormatUint(uint64(stat.pid), 10)
	details := processDetails{userID: p.userID(dir)}
	if stat.kernel {
		details.accessible = true
		return details
	}
	if path, err := fs.ReadLink(p.root, dir+"/exe"); err == nil {
		path, deleted := strings.CutSuffix(path, deletedMark)
		details.executable, details.exists, details.accessible = path, !deleted, true
	}
	details.args = p.arguments(dir)
	return details
}

func (p *procfs) userID(dir string) string {
	status, err := fs.ReadFile(p.root, dir+"/status")
	if err != nil {
		return ""
	}
	return parseUserID(status)
}

// arguments reads a command line, but not megabytes of it.
func (p *procfs) arguments(dir string) []string {
	file, err := p.root.Open(dir + "/cmdline")
	if err != nil {
		return nil
	}
	defer file.Close()
	line, err := io.ReadAll(io.LimitReader(file, 2*maxCommandLine))
	if err != nil {
		return nil // the process has ended
	}
	return splitArguments(line)
}

// openExecutable opens the running image itself, also when its path is gone or means something else by now.
func (p *procfs) openExecutable(stat processStat, details processDetails) (fs.File, error) {
	if details.executable == "" {
		return nil, os.ErrNotExist
	}
	return p.root.Open(strconv.FormatUint(uint64(stat.pid), 10) + "/exe")
}
