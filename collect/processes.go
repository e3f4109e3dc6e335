package collect

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// ProcessOptions configures [NewProcesses]. The zero value is valid.
type ProcessOptions struct {
	// Interval is the time between scans; 0 is DefaultProcessInterval.
	Interval time.Duration
	// NoHash leaves out the hashes of the executables.
	NoHash bool
	// HashLimit is the size of the largest executable to hash, in bytes; 0 is DefaultHashLimit.
	HashLimit int64
	// HashBudget is how much a scan may read in order to hash, in bytes; 0 is DefaultHashBudget. A scan hashes for a quarter of
	// the interval at most. Executables that have to wait are hashed in later scans, and their processes get an event of the
	// change.
	HashBudget int64
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// Defaults of [ProcessOptions].
const (
	// DefaultProcessInterval is short, because a process that begins and ends between two scans is missed; a scan of 500
	// processes takes some 10 ms.
	DefaultProcessInterval = time.Second
	DefaultHashLimit       = 256 << 20
	// DefaultHashBudget takes some 20 to 70 ms to hash.
	DefaultHashBudget = 32 << 20
)

// refreshScans is how many scans it takes until everything about every process was read again. A change that the cheap values
// of a scan give away, such as exec, is seen at once, another one (of the user, say) after this many scans.
const refreshScans = 8

// Processes reports the processes of this host: which there are, start, end, and change their program, command line, user or
// parent. A process is a pid and a start time: one that gets the pid of another is a start after an exit.
//
// Starts and exits are on events.process.lifecycle, changes on events.process.metadata. A process that has called fork but not
// yet exec is not reported until the next scan: its name and command line are not its own.
type Processes struct {
	out     *outlet
	pace    *pace
	options ProcessOptions
	// newReader is replaced in tests.
	newReader func() (processReader, error)
}

// NewProcesses returns a collector of processes. Nil options are the defaults.
func NewProcesses(publisher Publisher, options *ProcessOptions) *Processes {
	o := *cmp.Or(options, &ProcessOptions{})
	orDefault(&o.HashLimit, DefaultHashLimit)
	orDefault(&o.HashBudget, DefaultHashBudget)
	return &Processes{
		out: newOutlet(publisher, "process", o.Logger), pace: newPace(o.Interval, DefaultProcessInterval), options: o, newReader: newProcessReader,
	}
}

// Name implements [Collector].
func (*Processes) Name() string { return "process" }

// Statistics implements [Collector].
func (p *Processes) Statistics() Statistics { return p.out.counters.snapshot() }

// Interval implements [Paced].
func (p *Processes) Interval() time.Duration { return p.pace.get() }

// SetInterval implements [Paced].
func (p *Processes) SetInterval(interval time.Duration) { p.pace.set(interval) }

// Run implements [Collector].
func (p *Processes) Run(ctx context.Context) error {
	reader, err := p.newReader()
	if err != nil {
		return err
	}
	scan := &processScan{out: p.out, reader: reader, table: make(map[uint32]*trackedProcess)}
	if !p.options.NoHash {
		scan.hasher = newHasher(p.options.HashLimit)
		defer scan.hasher.close()
	}
	return p.out.scanEvery(ctx, p.pace, func(ctx context.Context) error {
		if scan.hasher != nil {
			scan.hasher.refill(p.options.HashBudget, time.Now().Add(p.pace.get()/4))
		}
		return scan.run(ctx)
	})
}

// orDefault replaces a value that is not positive by the default.
func orDefault[T time.Duration | int64 | int](value *T, byDefault T) {
	if *value <= 0 {
		*value = byDefault
	}
}

// processPhase is how much of a process has been reported.
type processPhase uint8

const (
	held    processPhase = iota // seen, but not reported: it was settling
	running                     // its start was reported
	exited                      // its end was reported, although its parent has not noticed yet
)

// trackedProcess is what is known of a process.
type trackedProcess struct {
	stat     processStat
	details  processDetails
	hash     string
	unhashed bool      // its hash is still to come
	doubted  time.Time // since when its command line is not believed; zero if it is
	phase    processPhase
	usage    *float64 // percent
	sampled  time.Time
	seen     uint64 // number of the last scan that saw it
}

// processScan is what one Run knows. It is for one goroutine.
type processScan struct {
	out    *outlet
	reader processReader
	hasher *hasher // nil: no hashes
	table  map[uint32]*trackedProcess
	number uint64    // of this scan, from 1
	now    time.Time // when it began
}

// publish publishes what is known of a process.
func (s *processScan) publish(ctx context.Context, t *trackedProcess, action, changed string) error {
	topic := subjects.ProcessLifecycle
	if action == ActionChange {
		topic = subjects.ProcessMetadata
	}
	return s.out.publish(ctx, topic, t.event(s.now, action, changed))
}

// event makes the event of a process. It shares nothing with t that changes later.
func (t *trackedProcess) event(now time.Time, action, changed string) *bus.ProcessEvent {
	var texts texts
	event := &bus.ProcessEvent{
		PID:            t.stat.pid,
		PPID:           t.stat.ppid,
		Name:           texts.text("name", fullName(t.stat.name, t.details), maxName),
		ExecutablePath: texts.text("executable_path", t.details.executable, maxPath),
		CommandLine:    texts.arguments(t.details.args),
		StartTime:      t.stat.startTime,
		CPUUsage:       t.usage,
		MemoryUsage:    t.stat.rss,
		UserID:         texts.text("user_id", t.details.userID, maxName),
		Accessible:     t.details.accessible,
		FileExists:     t.details.exists,
		Timestamp:      now.UTC(),
		Metadata:       bus.Metadata{Action: action},
	}
	if t.hash != "" {
		event.ExecutableHash, event.HashAlgorithm = t.hash, hashAlgorithm
	}
	if changed != "" {
		event.Metadata[Changed] = changed
	}
	texts.mark(event.Metadata)
	return event
}

// hashExecutable looks up or computes the hash of the process's executable as far as the budget allows.
func (s *processScan) hashExecutable(ctx context.Context, t *trackedProcess) {
	if s.hasher == nil || t.details.executable == "" {
		t.hash, t.unhashed = "", false
		return
	}
	sum, done := s.hasher.sum(ctx, t.details.executable, func() (fs.File, error) {
		return s.reader.openExecutable(t.stat, t.details)
	})
	t.hash, t.unhashed = sum, !done
}
