package collect

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// fileRoot is a path to watch.
type fileRoot struct {
	path    string
	waiting string // the directory in which it is waited for, or in which it is a file; "" for a directory that is watched itself
}

// watchReason says why a directory is watched.
type watchReason uint8

const (
	asPlace watchReason = 1 << iota // something is waited for in it
	asTree                          // it is a root, or in one
)

// fileWatch is what one Run knows. It is for one goroutine.
type fileWatch struct {
	out        *outlet
	options    FileOptions
	changed    <-chan struct{} // the paths are others now
	watcher    *fsnotify.Watcher
	roots      []*fileRoot
	watches    map[string]watchReason // by directory
	bursts     map[string]*burst      // by path
	queue      []*burst               // the same, the oldest first
	rescanAt   time.Time              // zero: no scan is due
	existing   int                    // entries reported by the current scan
	scanned    time.Time              // when a scan of a directory has ended last
	incomplete occasionally
	failing    occasionally
}

// rescanDelay lets the storm pass that made the queue overflow.
const rescanDelay = time.Second

func (w *fileWatch) run(ctx context.Context) error {
	if err := w.scan(ctx); err != nil {
		return err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(w.untilDue(time.Now()))
		select {
		case <-ctx.Done():
			return nil
		case <-w.changed:
			if err := w.endAll(ctx); err != nil {
				return err
			}
			return errPathsChanged
		case event, ok := <-w.watcher.Events:
			if !ok {
				return errors.New("collect: watching files ended")
			}
			if err := w.handle(ctx, event); err != nil {
				return err
			}
		case err := <-w.watcher.Errors:
			if err := w.trouble(ctx, err); err != nil {
				return err
			}
		case <-timer.C:
			if err := w.due(ctx, time.Now()); err != nil {
				return err
			}
		}
	}
}

// scan watches every root and reports what is there.
func (w *fileWatch) scan(ctx context.Context) error {
	begin := time.Now()
	w.existing = 0
	for _, root := range w.roots {
		if err := w.attach(ctx, root, OperationExisting); err != nil {
			return err
		}
	}
	w.out.counters.scans.Add(1)
	w.out.counters.lastScan.Store(int64(time.Since(begin)))
	return nil
}

// attach watches a root, or the place where it will appear, and reports what is there of it.
func (w *fileWatch) attach(ctx context.Context, root *fileRoot, operation string) error {
	defer w.leavePlaces()
	for {
		info, err := os.Stat(root.path)
		if err == nil && info.IsDir() {
			root.waiting = ""
			if err := w.found(ctx, root, info, operation); err != nil {
				return err
			}
			return w.addTree(ctx, root.path, operation)
		}
		place := nearestDirectory(root.path)
		if place == root.waiting {
			// Nothing has appeared since the place is watched.
			if err != nil {
				return nil
			}
			return w.found(ctx, root, info, operation)
		}
		root.waiting = place
		if err := w.watch(ctx, place, asPlace); err != nil {
			return err
		}
	}
}

// found reports a root itself, unless another root reports its entries.
func (w *fileWatch) found(ctx context.Context, root *fileRoot, info fs.FileInfo, operation string) error {
	for _, other := range w.roots {
		if other != root && other.waiting == "" && filepath.Dir(root.path) == other.path {
			return nil
		}
	}
	return w.entry(ctx, root.path, info, operation)
}

// nearestDirectory returns the directory above a path that exists and is nearest to it.
func nearestDirectory(path string) string {
	for {
		parent := filepath.Dir(path)
		if info, err := os.Stat(parent); err == nil && info.IsDir() || parent == path {
			return parent
		}
		path = parent
	}
}

// addTree watches a directory, and then reports its entries: one that comes in between is both in the scan and in the queue. With
// FileOptions.Recursive it does the same for the directories in it.
func (w *fileWatch) addTree(ctx context.Context, dir, operation string) error {
	defer func() { w.scanned = time.Now() }()
	todo := []string{dir}
	for len(todo) > 0 {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if err := w.watch(ctx, dir, asTree); err != nil {
			return err
		}
		err := readDirectory(dir, func(entry fs.DirEntry) error {
			path := filepath.Join(dir, entry.Name())
			if entry.IsDir() && w.options.Recursive {
				todo = append(todo, path)
			}
			info, err := entry.Info()
			if err != nil {
				return ctx.Err() // it is gone again
			}
			return w.entry(ctx, path, info, operation)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readDirectory calls visit for each entry, without having all in memory. A directory that cannot be read is empty.
func readDirectory(path string, visit func(fs.DirEntry) error) error {
	dir, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(512)
		for _, entry := range entries {
			if err := visit(entry); err != nil {
				return err
			}
		}
		if err != nil {
			return nil // io.EOF, or the directory is gone
		}
	}
}

// entry reports an entry that a scan has found.
func (w *fileWatch) entry(ctx context.Context, path string, info fs.FileInfo, operation string) error {
	if operation == OperationExisting {
		if w.existing++; w.existing > w.options.MaxExisting {
			return w.incompleteAt(ctx, filepath.Dir(path), "more files than MaxExisting")
		}
	}
	w.burstOf(path).scanned = info
	return w.publish(ctx, path, info, operation, 1)
}

// watch watches a directory, or says that it is not watched. It returns an error only if Run has to end.
func (w *fileWatch) watch(ctx context.Context, dir string, reason watchReason) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(w.watches) >= w.options.MaxWatches && w.watches[dir] == 0 {
		return w.incompleteAt(ctx, dir, "more directories than MaxWatches")
	}
	if err := w.watcher.Add(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it is gone again, which its parent's watch tells
		}
		return w.incompleteAt(ctx, dir, watchAdvice(err))
	}
	w.watches[dir] |= reason
	return nil
}

// forget drops the watches of a directory that is gone or has another name now, and of everything in it.
func (w *fileWatch) forget(dir string) {
	for path := range w.watches {
		if path == dir || under(path, dir) {
			// The system has dropped most of them itself: an error says just that.
			_ = w.watcher.Remove(path)
			delete(w.watches, path)
		}
	}
}

// leavePlaces drops the watches of directories in which nothing is waited for any more.
func (w *fileWatch) leavePlaces() {
	for path, reason := range w.watches {
		if reason&asPlace == 0 {
			continue
		}
		needed := false
		for _, root := range w.roots {
			needed = needed || root.waiting == path
		}
		if needed {
			continue
		}
		if w.watches[path] &^= asPlace; w.watches[path] == 0 {
			_ = w.watcher.Remove(path)
			delete(w.watches, path)
		}
	}
}

// under reports whether a path is in a directory, or in one below it.
func under(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && rest != "" && (os.IsPathSeparator(rest[0]) || os.IsPathSeparator(dir[len(dir)-1]))
}
