package collect

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// run makes one scan: ends first, so that a pid that is in use again ends before it starts, then starts in their order, then
// changes, and last the hashes that are still to come.
func (s *processScan) run(ctx context.Context) error {
	s.now = time.Now()
	stats, err := s.reader.list(ctx)
	if err != nil {
		return err
	}
	s.number++
	slices.SortFunc(stats, compareAge)
	var known, fresh []processStat
	for _, stat := range stats {
		if t, ok := s.table[stat.pid]; ok && t.stat.same(&stat) {
			t.seen = s.number
			known = append(known, stat)
		} else {
			fresh = append(fresh, stat)
		}
	}
	if err := s.ends(ctx); err != nil {
		return err
	}
	for _, stat := range fresh {
		if err := s.start(ctx, stat); err != nil {
			return err
		}
	}
	for _, stat := range known {
		if err := s.update(ctx, s.table[stat.pid], stat); err != nil {
			return err
		}
	}
	return s.hashRest(ctx)
}

// ends forgets the processes that this scan has not seen.
func (s *processScan) ends(ctx context.Context) error {
	var gone []*trackedProcess
	for _, t := range s.table {
		if t.seen != s.number {
			gone = append(gone, t)
		}
	}
	slices.SortFunc(gone, func(a, b *trackedProcess) int { return compareAge(a.stat, b.stat) })
	for _, t := range gone {
		delete(s.table, t.stat.pid)
		if err := s.end(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// end reports the end of a process, and before it the start if that was not reported yet.
func (s *processScan) end(ctx context.Context, t *trackedProcess) error {
	if t.phase == held {
		if err := s.publish(ctx, t, ActionStart, ""); err != nil {
			return err
		}
	}
	if t.phase == exited {
		return nil
	}
	t.phase = exited
	return s.publish(ctx, t, ActionExit, "")
}

// start takes in a process that was not there before.
func (s *processScan) start(ctx context.Context, stat processStat) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &trackedProcess{seen: s.number, doubted: s.now}
	s.table[stat.pid] = t
	var ok bool
	t.stat, t.details, ok = s.reader.inspect(ctx, stat)
	s.sample(t)
	first := s.number == 1
	switch {
	case !ok:
		return nil // held: the next scan knows what became of it
	case t.stat.ended && first:
		t.phase = exited // it ended before we came
		return nil
	case t.stat.ended:
		return s.end(ctx, t)
	case first:
		return s.report(ctx, t, ActionExisting)
	case settling(t.stat, t.details):
		return nil
	}
	return s.report(ctx, t, ActionStart)
}

// report reports that a process is there.
func (s *processScan) report(ctx context.Context, t *trackedProcess, action string) error {
	s.hashExecutable(ctx, t)
	t.phase, t.doubted = running, time.Time{}
	return s.publish(ctx, t, action, "")
}

// execTime is how long a process may show its parent's command line, or none, before that is believed. It is less than the default
// interval, so that with that the next scan believes it.
const execTime = 500 * time.Millisecond

// update compares a process with what is known of it.
func (s *processScan) update(ctx context.Context, t *trackedProcess, stat processStat) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if t.phase == exited {
		return nil
	}
	if stat.ended {
		return s.end(ctx, t) // with what was last known of it while it ran
	}
	suspect := t.phase == held || stat.image != t.stat.image || stat.name != t.stat.name || !equal(stat.ppid, t.stat.ppid)
	if due := (uint64(stat.pid)+s.number)%refreshScans == 0; !suspect && !due {
		s.resample(t, stat)
		return nil
	}
	newStat, details, ok := s.reader.inspect(ctx, stat)
	switch {
	case !ok:
		return nil // t is as it was, so the next scan looks again
	case newStat.ended:
		return s.end(ctx, t)
	case t.phase == held && settling(newStat, details),
		t.phase == running && len(details.args) == 0 && len(t.details.args) > 0:
		if t.doubted.IsZero() {
			t.doubted = s.now
		}
		if s.now.Sub(t.doubted) < execTime {
			return nil
		}
	}
	before := *t
	t.doubted = time.Time{}
	s.resample(t, newStat)
	t.details = details
	if t.phase == held {
		return s.report(ctx, t, ActionStart)
	}
	if newStat.image != before.stat.image || details.executable != before.details.executable {
		s.hashExecutable(ctx, t)
	}
	if changed := t.changes(&before); changed != "" {
		return s.publish(ctx, t, ActionChange, changed)
	}
	return nil
}

// hashRest spends the rest of the budget on the hashes that are still to come.
func (s *processScan) hashRest(ctx context.Context) error {
	if s.hasher == nil {
		return nil
	}
	s.hasher.resume(ctx)
	for _, t := range s.table {
		if s.hasher.spent() {
			return nil
		}
		if !t.unhashed || t.phase != running {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		before := *t
		if s.hashExecutable(ctx, t); t.hash != before.hash {
			if err := s.publish(ctx, t, ActionChange, t.changes(&before)); err != nil {
				return err
			}
		}
	}
	return nil
}

// shortestSample is the time below which a share of the processor says more about the clock than about the process.
const shortestSample = 50 * time.Millisecond

// sample sets the processor usage over the process's life.
func (s *processScan) sample(t *trackedProcess) {
	t.sampled = s.now
	if t.stat.cpu != nil && !t.stat.startTime.IsZero() {
		t.usage = usage(*t.stat.cpu, s.now.Sub(t.stat.startTime))
	}
}

// resample takes a new stat, and sets the processor usage since the last one.
func (s *processScan) resample(t *trackedProcess, stat processStat) {
	if stat.cpu != nil && t.stat.cpu != nil {
		t.usage = usage(*stat.cpu-*t.stat.cpu, s.now.Sub(t.sampled))
	}
	t.stat, t.sampled = stat, s.now
}

// usage returns percent of one core, nil if it cannot be told.
func usage(used, of time.Duration) *float64 {
	if of < shortestSample || used < 0 {
		return nil
	}
	return new(100 * used.Seconds() / of.Seconds())
}

// changes names the fields that differ, by their names on the wire.
func (t *trackedProcess) changes(before *trackedProcess) string {
	var names []string
	add := func(name string, changed bool) {
		if changed {
			names = append(names, name)
		}
	}
	add("ppid", !equal(t.stat.ppid, before.stat.ppid))
	add("name", t.stat.name != before.stat.name)
	add("executable_path", t.details.executable != before.details.executable)
	add("command_line", !slices.Equal(t.details.args, before.details.args))
	add("executable_hash", t.hash != before.hash)
	add("user_id", t.details.userID != before.details.userID)
	add("accessible", t.details.accessible != before.details.accessible)
	add("file_exists", t.details.exists != before.details.exists)
	return strings.Join(names, ",")
}

// equal reports whether both are absent or the same.
func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// commLength is where Linux cuts the name of a process, in bytes.
const commLength = 15

// fullName completes a name that the system has cut, if the process or its executable shows the whole of it.
func fullName(name string, details processDetails) string {
	if len(name) < commLength {
		return name
	}
	candidates := []string{filepath.Base(details.executable)}
	if len(details.args) > 0 {
		candidates = append(candidates, filepath.Base(details.args[0]))
	}
	for _, candidate := range candidates {
		if strings.HasPrefix(candidate, name) {
			return candidate
		}
	}
	return name
}
