package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/daemoneye/eventbus/bus"
)

// FileOptions configures [NewFiles]. The zero value is valid.
type FileOptions struct {
	// Recursive includes all directories below the paths, now and later. Symbolic links are not followed, except at a path itself.
	Recursive bool
	// MaxWatches bounds the number of directories that are watched; 0 is DefaultMaxWatches. Systems have bounds of their own.
	MaxWatches int
	// MaxExisting bounds how many files the first scan reports, over all paths; 0 is DefaultMaxExisting.
	MaxExisting int
	// Window is how long writes and changes of permissions of the same file are gathered into one event; 0 is DefaultWindow.
	Window time.Duration
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// Defaults of [FileOptions].
const (
	DefaultMaxWatches  = 8192
	DefaultMaxExisting = 10_000
	DefaultWindow      = 200 * time.Millisecond
)

// Operations of file events.
const (
	// OperationExisting is what was there at the first scan, or at the scan that follows an overflow.
	OperationExisting = "existing"
	OperationCreate   = "create"
	OperationWrite    = "write"
	OperationRemove   = "remove"
	// OperationRename is of the old name. The new one is a create, if it is under a path as well.
	OperationRename = "rename"
	OperationChmod  = "chmod"

	// OperationOverflow says that the system's queue has overflowed and events under the path were lost. A scan follows.
	OperationOverflow = "overflow"
	// OperationIncomplete says that not everything under the path is watched, or was reported by the scan. The metadata says
	// why under "reason".
	OperationIncomplete = "incomplete"
)

// Files reports what is done to files and directories under some paths. A path that does not exist is waited for. A file is
// watched through its directory, so that it may be replaced, and a directory that is removed is waited for again. Renaming a
// directory above a path goes unnoticed.
//
// Each creation, removal and renaming is an event, in their order. Writes and changes of permissions of a file within
// FileOptions.Window of the first one are one event of each kind at its end, or before the file's next other event, whose metadata
// has the number of notices under "count" if it is more than one. Size and permissions are those at the time of the event.
//
// When a directory appears, its entries are looked for, because they may have come before the watch did. Under heavy load an
// entry can be reported twice by that, but not missed.
//
// Events are on events.filesystem.operations; [OperationOverflow] and [OperationIncomplete] on events.filesystem.bulk.
type Files struct {
	out     *outlet
	changed chan struct{} // a token if a Run has not seen the paths yet

	mu      sync.Mutex // guards what follows
	paths   []string
	options FileOptions
}

// NewFiles returns a collector of the files at some paths and in them. Nil options are the defaults.
func NewFiles(publisher Publisher, paths []string, options *FileOptions) *Files {
	o := *cmp.Or(options, &FileOptions{})
	orDefault(&o.MaxWatches, DefaultMaxWatches)
	orDefault(&o.MaxExisting, DefaultMaxExisting)
	orDefault(&o.Window, DefaultWindow)
	return &Files{out: newOutlet(publisher, "filesystem", o.Logger), changed: make(chan struct{}, 1), paths: slices.Clone(paths), options: o}
}

// Name implements [Collector].
func (*Files) Name() string { return "filesystem" }

// Statistics implements [Collector].
func (f *Files) Statistics() Statistics { return f.out.counters.snapshot() }

// SetPaths changes the paths and FileOptions.Recursive. A Run watches anew then, as at its beginning: what is there is reported, and what is
// done before that is not seen. Those that it has already change nothing.
func (f *Files) SetPaths(paths []string, recursive bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Equal(f.paths, paths) && f.options.Recursive == recursive {
		return
	}
	f.paths, f.options.Recursive = slices.Clone(paths), recursive
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// Run implements [Collector].
func (f *Files) Run(ctx context.Context) error {
	for {
		if err := f.watch(ctx); !errors.Is(err, errPathsChanged) {
			return err
		}
	}
}

// errPathsChanged is returned by a watch that has to begin anew.
var errPathsChanged = errors.New("collect: the paths have changed")

// watch watches until ctx ends, or the paths change.
func (f *Files) watch(ctx context.Context) (err error) {
	f.mu.Lock()
	options := f.options
	roots, err := roots(f.paths, options.Recursive)
	select {
	case <-f.changed: // seen
	default:
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("collect: watching files: %w", err)
	}
	defer func() { err = errors.Join(err, watcher.Close()) }()
	w := &fileWatch{
		out: f.out, options: options, changed: f.changed, watcher: watcher, roots: roots,
		watches: make(map[string]watchReason), bursts: make(map[string]*burst),
	}
	err = w.run(ctx)
	if ctx.Err() != nil || errors.Is(err, bus.ErrClosed) {
		return nil
	}
	return err
}

// roots returns paths as absolute ones, each once and none that another one includes.
func roots(of []string, recursive bool) ([]*fileRoot, error) {
	var paths []string
	for _, path := range of {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("collect: path %q: %w", path, err)
		}
		paths = append(paths, absolute)
	}
	slices.Sort(paths)
	var roots []*fileRoot
	for _, path := range slices.Compact(paths) {
		included := recursive && slices.ContainsFunc(roots, func(r *fileRoot) bool { return under(path, r.path) })
		if !included {
			roots = append(roots, &fileRoot{path: path})
		}
	}
	return roots, nil
}
