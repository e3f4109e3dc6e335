package collect

import (
	"context"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/shirou/gopsutil/v4/process"
)

// gopsutil reads the processes of every system that gopsutil knows. It cannot tell a forked process from one that called exec:
// there the start may carry the parent's command line, and a change follows with its own.
type gopsutil struct{}

var _ processReader = gopsutil{}

func (gopsutil) list(ctx context.Context) ([]processStat, error) {
	pids, err := process.PidsWithContext(ctx)
	if err != nil {
		return nil, err
	}
	stats := make([]processStat, 0, len(pids))
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if stat, ok := gopsutilStat(ctx, pid); ok {
			stats = append(stats, stat)
		}
	}
	return stats, nil
}

// gopsutilStat reads one process. Each call needs a new process.Process, because that keeps the first name that it saw.
func gopsutilStat(ctx context.Context, pid int32) (processStat, bool) {
	p := &process.Process{Pid: pid}
	created, err := p.CreateTimeWithContext(ctx) // milliseconds
	if err != nil {
		return processStat{}, false
	}
	stat := processStat{pid: uint32(pid), start: uint64(created)}
	if created > 0 {
		stat.startTime = time.UnixMilli(created).UTC()
	}
	if stat.name, err = p.NameWithContext(ctx); err != nil {
		return processStat{}, false // without a name there is nothing to report
	}
	if ppid, err := p.PpidWithContext(ctx); err == nil && ppid > 0 {
		stat.ppid = new(uint32(ppid))
	}
	if times, err := p.TimesWithContext(ctx); err == nil {
		stat.cpu = new(time.Duration((times.User + times.System) * float64(time.Second)))
	}
	if memory, err := p.MemoryInfoWithContext(ctx); err == nil {
		stat.rss = new(memory.RSS)
	}
	if status, err := p.StatusWithContext(ctx); err == nil && len(status) > 0 {
		stat.ended = status[0] == process.Zombie
	}
	return stat, true
}

func (gopsutil) inspect(ctx context.Context, listed processStat) (processStat, processDetails, bool) {
	p := &process.Process{Pid: int32(listed.pid)}
	var details processDetails
	if path, err := p.ExeWithContext(ctx); err == nil && path != "" {
		_, err := os.Stat(path)
		details.executable, details.exists, details.accessible = path, err == nil, true
	}
	if args, err := p.CmdlineSliceWithContext(ctx); err == nil {
		details.args = args
	}
	details.userID = gopsutilUser(ctx, p)
	now, ok := gopsutilStat(ctx, int32(listed.pid))
	if !ok || !now.same(&listed) {
		return listed, processDetails{}, false
	}
	return now, details, true
}

// gopsutilUser returns the real user id; on Windows, which has none, the account's name.
func gopsutilUser(ctx context.Context, p *process.Process) string {
	if runtime.GOOS == "windows" {
		name, err := p.UsernameWithContext(ctx)
		if err != nil {
			return ""
		}
		return name
	}
	ids, err := p.UidsWithContext(ctx)
	if err != nil || len(ids) == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(ids[0]), 10)
}

func (gopsutil) openExecutable(_ processStat, details processDetails) (fs.File, error) {
	// Somebody may have put a pipe in its place, which we would wait for.
	if info, err := os.Stat(details.executable); err != nil || !info.Mode().IsRegular() {
		return nil, os.ErrNotExist
	}
	return os.Open(details.executable)
}
