package collect_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/subjects"
)

// procFixture reads testdata/proc, in which a file named exe holds what is a link in a real /proc.
func procFixture(t *testing.T) fstest.MapFS {
	t.Helper()
	proc := fstest.MapFS{}
	root := os.DirFS("testdata/proc")
	require.NoError(t, fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		contents, err := fs.ReadFile(root, path)
		proc[path] = &fstest.MapFile{Data: contents, Mode: 0o444}
		if entry.Name() == "exe" {
			proc[path].Mode |= fs.ModeSymlink
		}
		return err
	}))
	return proc
}

// fakeProcess is a process of a /proc that the test makes.
type fakeProcess struct {
	pid, ppid, start int
	name, exe        string
	args             []string
	state            byte // 'S' if zero
	flags            uint64
	code             int // changes with exec
	uid              int
}

const (
	forkNoExec = 0x40
	boot       = 1_000_000_000 // Unix time at which the machines of these tests were started
)

// fakeProc is a /proc that a test changes while a collector reads it.
type fakeProc struct {
	mu    sync.Mutex
	files fstest.MapFS // guarded by mu
}

var _ fs.ReadLinkFS = (*fakeProc)(nil)

func newFakeProc() *fakeProc { return &fakeProc{files: fstest.MapFS{}} }

func (f *fakeProc) Open(name string) (fs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files.Open(name)
}

func (f *fakeProc) ReadLink(name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files.ReadLink(name)
}

func (f *fakeProc) Lstat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files.Lstat(name)
}

func (p fakeProcess) put(proc *fakeProc) {
	proc.mu.Lock()
	defer proc.mu.Unlock()
	dir := fmt.Sprint(p.pid)
	if p.state == 0 {
		p.state = 'S'
	}
	put := func(name, contents string, mode fs.FileMode) {
		proc.files[dir+"/"+name] = &fstest.MapFile{Data: []byte(contents), Mode: mode}
	}
	put("stat", fmt.Sprintf("%d (%s) %c %d 0 0 0 -1 %d 0 0 0 0 7 3 0 0 20 0 1 0 %d 4096 10 0 %d 0 0\n",
		p.pid, p.name, p.state, p.ppid, p.flags, p.start, p.code), 0o444)
	put("status", fmt.Sprintf("Name:\t%s\nUid:\t%d\t0\t0\t0\n", p.name, p.uid), 0o444)
	put("cmdline", strings.Join(append(p.args, ""), "\x00"), 0o444)
	put("exe", p.exe, 0o777|fs.ModeSymlink)
}

func (p fakeProcess) remove(proc *fakeProc) {
	proc.mu.Lock()
	defer proc.mu.Unlock()
	for _, name := range [...]string{"stat", "status", "cmdline", "exe"} {
		delete(proc.files, fmt.Sprint(p.pid, "/", name))
	}
}

// scanning calls test with a function that waits for the next scan of a made-up /proc and returns its events. Time is that of a
// synctest bubble, so nothing else happens in between.
func scanning(t *testing.T, proc *fakeProc, test func(t *testing.T, next func() []bus.Event)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fakeProcess{pid: 1, name: "init", exe: "/sbin/init", args: []string{"init"}}.put(proc)
		events := newRecorder()
		run(t, collect.NewProcessesIn(events, nil, proc, time.Unix(boot, 0)))
		synctest.Wait()
		first := true
		test(t, func() []bus.Event {
			if !first {
				<-time.After(collect.DefaultProcessInterval)
				synctest.Wait()
			}
			first = false
			return events.queued(t)
		})
	})
}

func TestProcFixture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := newRecorder()
		run(t, collect.NewProcessesIn(events, nil, procFixture(t), time.Unix(boot, 0)))
		synctest.Wait()
		found := map[uint32]*bus.ProcessEvent{}
		for _, event := range events.queued(t) {
			require.Equal(t, subjects.ProcessLifecycle, event.Topic)
			p := event.Payload.(*bus.ProcessEvent)
			require.Equal(t, bus.Metadata{collect.Action: collect.ActionExisting}, p.Metadata)
			require.WithinDuration(t, time.Now(), p.Timestamp, 0)
			// What was used in the 100 s and more since then is a small number; TestProcessUsage computes one.
			p.Timestamp, p.Metadata, p.CPUUsage = time.Time{}, nil, nil
			found[p.PID] = p
		}
		started := func(ticks int) time.Time {
			return time.Unix(boot, 0).Add(time.Duration(ticks) * 10 * time.Millisecond).UTC()
		}
		require.Equal(t, map[uint32]*bus.ProcessEvent{
			1: {
				PID: 1, Name: "systemd", ExecutablePath: "/usr/lib/systemd/systemd", CommandLine: []string{"/sbin/init", "splash"},
				StartTime: started(7), MemoryUsage: new(uint64(3203 * 4096)), UserID: "0", Accessible: true, FileExists: true,
			},
			// A kernel thread has no executable, no command line and no memory.
			2: {PID: 2, Name: "kthreadd", StartTime: started(7), UserID: "0", Accessible: true},
			// A name that looks like the fields after it, bytes that are no UTF-8, an executable that was removed.
			812: {
				PID: 812, PPID: new(uint32(1)), Name: "a) R (b\nc", ExecutablePath: "/opt/a", CommandLine: []string{"./a) R (b", "--name=é\uFFFD", ""},
				StartTime: started(1234), MemoryUsage: new(uint64(500 * 4096)), UserID: "1000", Accessible: true,
			},
			// A name that the kernel has cut.
			813: {
				PID: 813, PPID: new(uint32(812)), Name: "worker-with-a-long-name", ExecutablePath: "/usr/bin/worker-with-a-long-name",
				CommandLine: []string{"/usr/bin/worker-with-a-long-name"}, StartTime: started(1300),
				MemoryUsage: new(uint64(500 * 4096)), UserID: "33", Accessible: true, FileExists: true,
			},
			// Another user's, seen without privileges: the executable is not known, so neither is its existence.
			814: {
				PID: 814, PPID: new(uint32(1)), Name: "hidden", CommandLine: []string{"hidden", "-x"}, StartTime: started(1400),
				MemoryUsage: new(uint64(500 * 4096)), UserID: "0",
			},
			// The first thread has ended, the process has not. 815 has, 816 is no process, and 818 ended in mid-scan.
			817: {
				PID: 817, PPID: new(uint32(1)), Name: "leaderless", ExecutablePath: "/opt/leaderless", CommandLine: []string{"leaderless"},
				StartTime: started(1600), MemoryUsage: new(uint64(500 * 4096)), UserID: "0", Accessible: true, FileExists: true,
			},
		}, found)
	})
}

func TestReusedPIDIsAnotherProcess(t *testing.T) {
	proc := newFakeProc()
	fakeProcess{pid: 7, ppid: 1, start: 100, name: "old", exe: "/old", args: []string{"old", "one"}}.put(proc)
	scanning(t, proc, func(t *testing.T, next func() []bus.Event) {
		require.Equal(t, []string{"existing 1", "existing 7"}, actions(next()))
		fakeProcess{pid: 7, ppid: 1, start: 200, name: "new", exe: "/new", args: []string{"new"}}.put(proc)
		events := next()
		require.Equal(t, []string{"exit 7", "start 7"}, actions(events))
		exit, start := events[0].Payload.(*bus.ProcessEvent), events[1].Payload.(*bus.ProcessEvent)
		require.Equal(t, []string{"old", "one"}, exit.CommandLine)
		require.Equal(t, "old", exit.Name)
		require.Equal(t, time.Unix(boot+1, 0).UTC(), exit.StartTime)
		require.Equal(t, []string{"new"}, start.CommandLine)
		require.Equal(t, time.Unix(boot+2, 0).UTC(), start.StartTime)
		require.Empty(t, next())
	})
}

// TestForkWithoutExec: a child that was seen between fork and exec is not reported as its parent.
func TestForkWithoutExec(t *testing.T) {
	proc := newFakeProc()
	scanning(t, proc, func(t *testing.T, next func() []bus.Event) {
		next()
		child := fakeProcess{pid: 9, ppid: 1, start: 50, name: "init", exe: "/sbin/init", args: []string{"init"}, flags: forkNoExec}
		child.put(proc)
		require.Empty(t, next(), "not yet")
		child.name, child.exe, child.args, child.flags, child.code = "sleep", "/bin/sleep", []string{"sleep", "7"}, 0, 1
		child.put(proc)
		events := next()
		require.Equal(t, []string{"start 9"}, actions(events))
		require.Equal(t, []string{"sleep", "7"}, events[0].Payload.(*bus.ProcessEvent).CommandLine)

		// A worker that never calls exec is reported one scan late, and one that ends before is not lost.
		fakeProcess{pid: 10, ppid: 1, start: 60, name: "init", exe: "/sbin/init", args: []string{"init"}, flags: forkNoExec}.put(proc)
		short := fakeProcess{pid: 11, ppid: 1, start: 61, name: "init", exe: "/sbin/init", args: []string{"init"}, flags: forkNoExec}
		short.put(proc)
		require.Empty(t, next())
		short.remove(proc)
		require.Equal(t, []string{"start 11", "exit 11", "start 10"}, actions(next()))
	})
}

// TestExec: a process that becomes another program is a change, also in the middle of it, when it has no command line.
func TestExec(t *testing.T) {
	proc := newFakeProc()
	p := fakeProcess{pid: 9, ppid: 1, start: 50, name: "sh", exe: "/bin/sh", args: []string{"sh", "-c", "exec sleep 7"}}
	p.put(proc)
	scanning(t, proc, func(t *testing.T, next func() []bus.Event) {
		next()
		p.code, p.args = 1, nil
		p.put(proc)
		require.Empty(t, next())
		p.name, p.exe, p.args = "sleep", "/bin/sleep", []string{"sleep", "7"}
		p.put(proc)
		events := next()
		require.Equal(t, []string{"change 9"}, actions(events))
		require.Equal(t, subjects.ProcessMetadata, events[0].Topic)
		require.Equal(t, "name,executable_path,command_line", events[0].PayloadMetadata()[collect.Changed])
		require.Equal(t, []string{"sleep", "7"}, events[0].Payload.(*bus.ProcessEvent).CommandLine)
	})
}

// TestQuietChange: what the cheap values do not show is found all the same.
func TestQuietChange(t *testing.T) {
	proc := newFakeProc()
	p := fakeProcess{pid: 9, ppid: 1, start: 50, name: "d", exe: "/bin/d", args: []string{"d"}}
	p.put(proc)
	scanning(t, proc, func(t *testing.T, next func() []bus.Event) {
		next()
		p.uid, p.exe = 1000, "/bin/d (deleted)"
		p.put(proc)
		var events []bus.Event
		for range collect.RefreshScans {
			events = append(events, next()...)
		}
		require.Equal(t, []string{"change 9"}, actions(events))
		require.Equal(t, "user_id,file_exists", events[0].PayloadMetadata()[collect.Changed])
		require.Equal(t, "1000", events[0].Payload.(*bus.ProcessEvent).UserID)
		p.ppid = 2
		p.put(proc)
		events = next()
		require.Equal(t, []string{"change 9"}, actions(events))
		require.Equal(t, "ppid", events[0].PayloadMetadata()[collect.Changed])
	})
}

// TestZombie: a process has ended when it ends, not when its parent gets to notice; and one of which only that is seen has lived.
func TestZombie(t *testing.T) {
	proc := newFakeProc()
	p := fakeProcess{pid: 9, ppid: 1, start: 50, name: "job", exe: "/bin/job", args: []string{"job", "1"}}
	p.put(proc)
	scanning(t, proc, func(t *testing.T, next func() []bus.Event) {
		next()
		fakeProcess{pid: 9, ppid: 1, start: 50, name: "job", state: 'Z'}.put(proc)
		short := fakeProcess{pid: 12, ppid: 1, start: 90, name: "short", state: 'Z'}
		short.put(proc)
		events := next()
		require.Equal(t, []string{"start 12", "exit 12", "exit 9"}, actions(events))
		require.Equal(t, []string{"job", "1"}, events[2].Payload.(*bus.ProcessEvent).CommandLine)
		require.False(t, events[0].Payload.(*bus.ProcessEvent).Accessible)
		require.Empty(t, next())
		p.remove(proc)
		short.remove(proc)
		require.Empty(t, next())
	})
}

func TestProcessUsage(t *testing.T) {
	proc := newFakeProc()
	synctest.Test(t, func(t *testing.T) {
		// It has used 0.1 s in the 0.5 s since its start.
		fakeProcess{pid: 1, name: "init", exe: "/sbin/init", args: []string{"init"}, start: 50}.put(proc)
		events := newRecorder()
		run(t, collect.NewProcessesIn(events, nil, proc, time.Now().Add(-time.Second)))
		synctest.Wait()
		require.InDelta(t, 20.0, *events.queued(t)[0].Payload.(*bus.ProcessEvent).CPUUsage, 1e-6)
		fakeProcess{pid: 1}.remove(proc)
		fakeProcess{pid: 2, name: "last", exe: "/last", args: []string{"last"}, start: 200}.put(proc)
		<-time.After(collect.DefaultProcessInterval)
		synctest.Wait()
		started := events.queued(t)[1].Payload.(*bus.ProcessEvent)
		require.Equal(t, uint32(2), started.PID)
		require.Nil(t, started.CPUUsage, "started now: any share would be made up")
	})
}

// TestHashFollows: a hash that would make the scan slow comes later, as a change, and a start of the same program then has it.
func TestHashFollows(t *testing.T) {
	proc := newFakeProc()
	contents := bytes.Repeat([]byte("program"), 1000)
	proc.files["bin/big"] = &fstest.MapFile{Data: contents}
	fakeProcess{pid: 9, ppid: 1, start: 50, name: "big", exe: "../bin/big", args: []string{"big"}}.put(proc)
	synctest.Test(t, func(t *testing.T) {
		events := newRecorder()
		run(t, collect.NewProcessesIn(events, &collect.ProcessOptions{HashBudget: 2500}, proc, time.Unix(boot, 0)))
		synctest.Wait()
		first := events.queued(t)
		require.Equal(t, []string{"existing 9"}, actions(first))
		require.Empty(t, first[0].Payload.(*bus.ProcessEvent).ExecutableHash)
		require.Empty(t, first[0].Payload.(*bus.ProcessEvent).HashAlgorithm)
		var later []bus.Event
		for range 2 {
			require.Empty(t, later)
			<-time.After(collect.DefaultProcessInterval)
			synctest.Wait()
			later = events.queued(t)
		}
		require.Equal(t, []string{"change 9"}, actions(later))
		require.Equal(t, subjects.ProcessMetadata, later[0].Topic)
		require.Equal(t, "executable_hash", later[0].PayloadMetadata()[collect.Changed])
		sum := sha256.Sum256(contents)
		require.Equal(t, hex.EncodeToString(sum[:]), later[0].Payload.(*bus.ProcessEvent).ExecutableHash)
		require.Equal(t, "sha256", later[0].Payload.(*bus.ProcessEvent).HashAlgorithm)

		fakeProcess{pid: 10, ppid: 1, start: 60, name: "big", exe: "../bin/big", args: []string{"big"}}.put(proc)
		<-time.After(collect.DefaultProcessInterval)
		synctest.Wait()
		started := events.queued(t)
		require.Equal(t, []string{"start 10"}, actions(started))
		require.Equal(t, hex.EncodeToString(sum[:]), started[0].Payload.(*bus.ProcessEvent).ExecutableHash)
	})
}

func TestNoProc(t *testing.T) {
	err := collect.NewProcessesIn(newRecorder(), nil, fstest.MapFS{}, time.Now()).Run(t.Context())
	require.ErrorContains(t, err, "is it mounted?")
}

func FuzzStat(f *testing.F) {
	for _, pid := range [...]string{"1", "2", "812", "816"} {
		line, err := os.ReadFile("testdata/proc/" + pid + "/stat")
		require.NoError(f, err)
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if name, _, err := collect.ParseStat(line); err == nil {
			require.Contains(t, string(line), "("+name+")")
		}
	})
}
