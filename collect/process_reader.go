package collect

import (
	"cmp"
	"context"
	"io/fs"
	"time"
)

// processReader reads the processes of a host.
type processReader interface {
	// list returns what is cheap to read of every process. One that ends meanwhile is left out, or comes as it last was.
	list(ctx context.Context) ([]processStat, error)

	// inspect reads the rest of a listed process, and again what may have changed since it was listed. Both are of the same
	// program. It reports false if it could not get hold of that, because the process ended or became another program.
	inspect(ctx context.Context, listed processStat) (stat processStat, details processDetails, ok bool)

	// openExecutable opens the program that the process runs, a regular file.
	openExecutable(process processStat, details processDetails) (fs.File, error)
}

// processStat is what a scan reads of every process.
type processStat struct {
	pid       uint32
	start     uint64    // tells apart the processes that had this pid; exact, unlike startTime
	startTime time.Time // zero if unknown
	ppid      *uint32
	name      string
	cpu       *time.Duration // processor time used so far
	rss       *uint64        // bytes

	image  image // what it runs
	kernel bool  // a thread of the kernel: it has no executable and no command line
	forked bool  // still its parent's image: it has called fork but not exec
	ended  bool  // it has ended, and waits for its parent to notice
}

// image changes when a process begins to run another program, as far as can be told without looking at the program. The zero value
// is unknown.
type image [3]uint64

// same reports whether both are of one process.
func (s *processStat) same(other *processStat) bool {
	return s.pid == other.pid && s.start == other.start
}

// compareAge orders processes by their start, so that parents come before their children.
func compareAge(a, b processStat) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.pid, b.pid))
}

// processDetails is what is read of a process when it is new, has changed, and now and then.
type processDetails struct {
	executable string // path, "" if unknown
	exists     bool   // the executable is still at its path
	args       []string
	userID     string
	accessible bool
}

// settling reports whether a new process is about to become another program, or in the middle of it: what it shows now is its
// parent's name and command line, or none.
func settling(stat processStat, details processDetails) bool {
	return stat.forked || details.executable != "" && len(details.args) == 0
}
