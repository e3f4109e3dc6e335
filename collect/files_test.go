package collect_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/collect"
	"github.com/daemoneye/eventbus/subjects"
)

// done is the condition that this was done to a file.
func done(operation, path string) func(*bus.Event) bool {
	return func(event *bus.Event) bool {
		f, ok := event.Payload.(*bus.FilesystemEvent)
		return ok && f.Operation == operation && f.Path == path
	}
}

// doings returns what was done to the files of these events, by their names in dir.
func doings(dir string, events ...bus.Event) (out []string) {
	for _, event := range events {
		f := event.Payload.(*bus.FilesystemEvent)
		out = append(out, f.Operation+" "+strings.TrimPrefix(f.Path, dir+string(filepath.Separator)))
	}
	return out
}

func write(t *testing.T, path, contents string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(contents), 0o640))
}

// realDir returns a directory by the name that watchers give it.
func realDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

func TestFileLife(t *testing.T) {
	dir := realDir(t)
	old, file, moved := filepath.Join(dir, "old"), filepath.Join(dir, "file"), filepath.Join(dir, "moved")
	write(t, old, "12345")
	events := newRecorder()
	runScanned(t, collect.NewFiles(events, []string{dir}, nil))

	event, before := events.until(t, "existing", done(collect.OperationExisting, old))
	require.Equal(t, []string{"existing " + dir}, doings(dir, before...), "the directory itself")
	require.Equal(t, "filesystem", event.Source)
	require.Equal(t, subjects.FilesystemOperations, event.Topic)
	f := event.Payload.(*bus.FilesystemEvent)
	require.Equal(t, uint64(5), *f.Size)
	require.Nil(t, f.PID)
	require.Empty(t, f.FileHash)
	require.Equal(t, "file", f.Metadata["kind"])
	directory := before[0].Payload.(*bus.FilesystemEvent)
	require.Nil(t, directory.Size)
	require.Equal(t, "directory", directory.Metadata["kind"])
	if runtime.GOOS != "windows" {
		require.Equal(t, "0640", f.Permissions)
	}

	write(t, file, "hello")
	events.until(t, "create", done(collect.OperationCreate, file))
	event, _ = events.until(t, "write", done(collect.OperationWrite, file))
	require.Equal(t, uint64(5), *event.Payload.(*bus.FilesystemEvent).Size)
	if runtime.GOOS != "windows" {
		require.NoError(t, os.Chmod(file, 0o4600|os.ModeSetuid))
		event, _ = events.until(t, "chmod", done(collect.OperationChmod, file))
		require.Equal(t, "4600", event.Payload.(*bus.FilesystemEvent).Permissions)
	}
	require.NoError(t, os.Rename(file, moved))
	event, _ = events.until(t, "rename", done(collect.OperationRename, file))
	require.Nil(t, event.Payload.(*bus.FilesystemEvent).Size)
	require.Empty(t, event.Payload.(*bus.FilesystemEvent).Permissions)
	events.until(t, "its new name", done(collect.OperationCreate, moved))
	require.NoError(t, os.Remove(moved))
	events.until(t, "remove", done(collect.OperationRemove, moved))
}

// TestBurstOfWrites: many writes are one event with the final size, and come before what follows them.
func TestBurstOfWrites(t *testing.T) {
	dir := realDir(t)
	// Two files in turns, because the system itself makes one notice of equal ones in a row.
	var files []*os.File
	for _, name := range [...]string{"a", "b"} {
		file, err := os.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		files = append(files, file)
	}
	events := newRecorder()
	runScanned(t, collect.NewFiles(events, []string{dir}, &collect.FileOptions{Window: time.Hour}))
	events.until(t, "existing", done(collect.OperationExisting, files[0].Name()))
	for range 100 {
		for _, file := range files {
			_, err := file.WriteString("line\n")
			require.NoError(t, err)
		}
	}
	for _, file := range files {
		require.NoError(t, file.Close())
	}
	moved := filepath.Join(dir, "c")
	require.NoError(t, os.Rename(files[1].Name(), moved))
	_, before := events.until(t, "new name", done(collect.OperationCreate, moved))
	require.Equal(t, []string{"write b", "rename b"}, doings(dir, before...)[len(before)-2:], "the window had not ended")
	require.NotContains(t, doings(dir, before...), "write a")
	count, err := strconv.Atoi(before[len(before)-2].PayloadMetadata()["count"])
	require.NoError(t, err)
	require.Greater(t, count, 1)
}

// TestNewDirectory: what was put into a new directory before it could be watched is reported, once, and what comes later too.
func TestNewDirectory(t *testing.T) {
	dir := realDir(t)
	events := newRecorder()
	runScanned(t, collect.NewFiles(events, []string{dir}, &collect.FileOptions{Recursive: true}))
	events.until(t, "existing", done(collect.OperationExisting, dir))
	deep := filepath.Join(dir, "a", "b", "c")
	require.NoError(t, os.MkdirAll(deep, 0o750))
	for i := range 20 {
		write(t, filepath.Join(deep, fmt.Sprint("early", i)), "x")
	}
	created := map[string]int{}
	for i := range 20 {
		path := filepath.Join(deep, fmt.Sprint("early", i))
		if created[path] > 0 {
			continue
		}
		_, before := events.until(t, path, done(collect.OperationCreate, path))
		created[path]++
		for _, event := range before {
			if f := event.Payload.(*bus.FilesystemEvent); f.Operation == collect.OperationCreate {
				created[f.Path]++
			}
		}
	}
	late := filepath.Join(deep, "late")
	write(t, late, "x")
	_, before := events.until(t, "late", done(collect.OperationCreate, late))
	for _, event := range before {
		if f := event.Payload.(*bus.FilesystemEvent); f.Operation == collect.OperationCreate {
			created[f.Path]++
		}
	}
	for path, n := range created {
		require.Equal(t, 1, n, path)
	}
	require.Len(t, created, 23)

	// Under its new name the directory is watched as before, under the old one no more.
	require.NoError(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "z")))
	again := filepath.Join(dir, "z", "b", "c", "late")
	events.until(t, "renamed directory", done(collect.OperationCreate, again))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "z")))
	_, before = events.until(t, "removed directory", done(collect.OperationRemove, filepath.Join(dir, "z")))
	removed := map[string]int{}
	for _, event := range before {
		f := event.Payload.(*bus.FilesystemEvent)
		require.NotContains(t, f.Path, filepath.Join(dir, "a")+string(filepath.Separator))
		if f.Operation == collect.OperationRemove {
			removed[f.Path]++
		}
	}
	for path, n := range removed {
		require.Equal(t, 1, n, path)
	}
	require.Len(t, removed, 23)
}

// TestScanMeetsNotices: a file that comes while its new directory is looked through is found by the scan, by the system's
// notice, or by both, and reported once.
func TestScanMeetsNotices(t *testing.T) {
	const before, during = 2000, 300
	dir, staging := realDir(t), filepath.Join(realDir(t), "new")
	require.NoError(t, os.Mkdir(staging, 0o750))
	for i := range before {
		write(t, filepath.Join(staging, fmt.Sprint("before", i)), "")
	}
	events := newRecorder()
	gate, reached := make(chan struct{}), make(chan struct{})
	within := filepath.Join(dir, "new")
	var once sync.Once
	events.err = func(event bus.Event) error {
		if filepath.Dir(event.Payload.(*bus.FilesystemEvent).Path) == within {
			once.Do(func() { // in the middle of the scan of the new directory
				close(reached)
				<-gate
			})
		}
		return nil
	}
	runScanned(t, collect.NewFiles(events, []string{dir}, &collect.FileOptions{Recursive: true}))
	require.NoError(t, os.Rename(staging, within))
	<-reached
	for i := range during {
		write(t, filepath.Join(within, fmt.Sprint("during", i)), "")
	}
	close(gate)
	write(t, filepath.Join(dir, "end"), "")
	created := map[string]int{}
	// The notices of the new directory come before that of the end.
	_, found := events.until(t, "end", done(collect.OperationCreate, filepath.Join(dir, "end")))
	for _, doing := range doings(dir, found...) {
		if strings.HasPrefix(doing, collect.OperationCreate) {
			created[doing]++
		}
	}
	for doing, n := range created {
		require.Equal(t, 1, n, doing)
	}
	require.Len(t, created, before+during+1)
}

// TestPathThatDoesNotExistYet: it is waited for, also when it is removed later.
func TestPathThatDoesNotExistYet(t *testing.T) {
	dir := realDir(t)
	path := filepath.Join(dir, "one", "two")
	file := filepath.Join(dir, "single")
	events := newRecorder()
	runScanned(t, collect.NewFiles(events, []string{path, file}, nil))
	for range 3 {
		require.NoError(t, os.MkdirAll(path, 0o750))
		write(t, filepath.Join(path, "file"), "x")
		events.until(t, "directory", done(collect.OperationCreate, path))
		events.until(t, "file in it", done(collect.OperationCreate, filepath.Join(path, "file")))
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "one")))
		_, before := events.until(t, "end of it", done(collect.OperationRemove, path))
		for _, event := range before {
			require.NotEqual(t, filepath.Join(dir, "one"), event.Payload.(*bus.FilesystemEvent).Path, "not asked for")
		}
		write(t, filepath.Join(dir, "unrelated"), "x")
		write(t, file, "x")
		events.until(t, "single file", done(collect.OperationCreate, file))
		event, before := events.until(t, "its contents", done(collect.OperationWrite, file))
		require.Equal(t, uint64(1), *event.Payload.(*bus.FilesystemEvent).Size)
		require.NotContains(t, doings(dir, before...), "create unrelated")
		require.NoError(t, os.Remove(file))
		events.until(t, "end of the file", done(collect.OperationRemove, file))
	}
}

// TestReplacedFile: a file that is replaced, as editors do it, is still watched.
func TestReplacedFile(t *testing.T) {
	dir := realDir(t)
	file := filepath.Join(dir, "config")
	write(t, file, "1")
	events := newRecorder()
	runScanned(t, collect.NewFiles(events, []string{file}, nil))
	events.until(t, "existing", done(collect.OperationExisting, file))
	for i := range 3 {
		write(t, filepath.Join(dir, "new"), strings.Repeat("x", i+2))
		require.NoError(t, os.Rename(filepath.Join(dir, "new"), file))
		event, before := events.until(t, "replacement", done(collect.OperationCreate, file))
		require.Equal(t, uint64(i+2), *event.Payload.(*bus.FilesystemEvent).Size)
		require.NotContains(t, doings(dir, before...), "create new")
	}
}

func TestFileBounds(t *testing.T) {
	dir := realDir(t)
	for i := range 10 {
		require.NoError(t, os.Mkdir(filepath.Join(dir, fmt.Sprint(i)), 0o750))
	}
	incomplete := func(event *bus.Event) bool {
		return event.Payload.(*bus.FilesystemEvent).Operation == collect.OperationIncomplete
	}
	for reason, options := range map[string]collect.FileOptions{
		"more directories than MaxWatches": {Recursive: true, MaxWatches: 5},
		"more files than MaxExisting":      {MaxExisting: 5},
	} {
		t.Run(reason, func(t *testing.T) {
			events := newRecorder()
			runScanned(t, collect.NewFiles(events, []string{dir}, &options))
			event, _ := events.until(t, reason, incomplete)
			require.Equal(t, subjects.FilesystemBulk, event.Topic)
			require.Equal(t, reason, event.PayloadMetadata()["reason"])
		})
	}
}

func TestOverlappingPaths(t *testing.T) {
	dir := realDir(t)
	below := filepath.Join(dir, "below")
	require.NoError(t, os.Mkdir(below, 0o750))
	write(t, filepath.Join(below, "file"), "x")
	for _, recursive := range [...]bool{true, false} {
		events := newRecorder()
		stop := runScanned(t, collect.NewFiles(events, []string{below, dir, dir, dir + "/below/file"}, &collect.FileOptions{Recursive: recursive}))
		write(t, filepath.Join(below, "last"), "x")
		_, before := events.until(t, "last", func(event *bus.Event) bool {
			return done(collect.OperationCreate, filepath.Join(below, "last"))(event) ||
				done(collect.OperationExisting, filepath.Join(below, "last"))(event)
		})
		seen := map[string]int{}
		for _, doing := range doings(dir, before...) {
			if strings.HasPrefix(doing, collect.OperationExisting) {
				seen[doing]++
			}
		}
		require.Equal(t, 1, seen["existing below"], "%v", seen)
		require.Equal(t, 1, seen["existing "+filepath.Join("below", "file")], "%v", seen)
		stop()
		require.NoError(t, os.Remove(filepath.Join(below, "last")))
	}
}
