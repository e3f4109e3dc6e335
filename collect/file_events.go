package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/subjects"
)

// maxBursts bounds the files whose writes are being gathered. One more ends the oldest before its time.
const maxBursts = 16384

// burst is what has happened to a file within the window.
type burst struct {
	path           string
	writes, chmods int
	scanned        fs.FileInfo // a scan has reported this file, whose create may still come; nil if none has
	until          time.Time
	over           bool
}

// handle reports what the system says has happened.
func (w *fileWatch) handle(ctx context.Context, event fsnotify.Event) error {
	path := filepath.Clean(event.Name)
	if event.Has(fsnotify.Create) {
		if err := w.created(ctx, path); err != nil {
			return err
		}
	}
	if w.covers(path) {
		if event.Has(fsnotify.Write) {
			w.burstOf(path).writes++
		}
		if event.Has(fsnotify.Chmod) {
			w.burstOf(path).chmods++
		}
	}
	if event.Has(fsnotify.Remove) {
		return w.removed(ctx, path, OperationRemove)
	}
	if event.Has(fsnotify.Rename) {
		return w.removed(ctx, path, OperationRename)
	}
	return nil
}

// covers reports whether a path is one to report about.
func (w *fileWatch) covers(path string) bool {
	for _, root := range w.roots {
		if path == root.path || filepath.Dir(path) == root.path || w.options.Recursive && under(path, root.path) {
			return true
		}
	}
	return false
}

// created reports a new file or directory, and looks into the latter. What is waited for may have come with it.
func (w *fileWatch) created(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	isDir := err == nil && info.IsDir()
	if w.covers(path) {
		if known, ok := w.bursts[path]; ok && known.scanned != nil && err == nil && os.SameFile(known.scanned, info) {
			known.scanned = nil // this is the notice of what the scan has reported, not of its replacement
			return nil
		}
		if err := w.end(ctx, path); err != nil {
			return err
		}
		if err := w.publish(ctx, path, info, OperationCreate, 1); err != nil {
			return err
		}
		if isDir && w.options.Recursive {
			if err := w.addTree(ctx, path, OperationCreate); err != nil {
				return err
			}
		}
	}
	for _, root := range w.roots {
		if root.waiting == "" || root.path != path && !under(root.path, path) {
			continue
		}
		if err := w.arrived(ctx, root, path); err != nil {
			return err
		}
	}
	return nil
}

// arrived goes on with a root that was waited for, after it or a directory above it was created.
func (w *fileWatch) arrived(ctx context.Context, root *fileRoot, path string) error {
	if root.path != path {
		return w.attach(ctx, root, OperationCreate)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil // a file: its directory is watched already
	}
	root.waiting = ""
	defer w.leavePlaces()
	return w.addTree(ctx, path, OperationCreate)
}

// removed reports that a name is gone, and waits for what it led to.
func (w *fileWatch) removed(ctx context.Context, path, operation string) error {
	if w.covers(path) {
		if err := w.end(ctx, path); err != nil {
			return err
		}
		if err := w.publish(ctx, path, nil, operation, 1); err != nil {
			return err
		}
	}
	if w.watches[path] == 0 {
		return nil
	}
	w.forget(path)
	for _, root := range w.roots {
		if root.path != path && !under(root.path, path) {
			continue
		}
		root.waiting = ""
		if err := w.attach(ctx, root, OperationCreate); err != nil {
			return err
		}
	}
	return nil
}

// burstOf returns the burst of a file, beginning one if there is none.
func (w *fileWatch) burstOf(path string) *burst {
	b, ok := w.bursts[path]
	if !ok {
		b = &burst{path: path, until: time.Now().Add(w.options.Window)}
		w.bursts[path] = b
		w.queue = append(w.queue, b)
	}
	return b
}

// end reports a file's burst, if there is one.
func (w *fileWatch) end(ctx context.Context, path string) error {
	b, ok := w.bursts[path]
	if !ok {
		return nil
	}
	delete(w.bursts, path)
	b.over = true // it leaves the queue when its time has come
	info, err := os.Lstat(path)
	if err != nil {
		info = nil
	}
	if b.writes > 0 {
		if err := w.publish(ctx, path, info, OperationWrite, b.writes); err != nil {
			return err
		}
	}
	if b.chmods > 0 {
		return w.publish(ctx, path, info, OperationChmod, b.chmods)
	}
	return nil
}

// endAll reports all bursts.
func (w *fileWatch) endAll(ctx context.Context) error {
	for _, b := range w.queue {
		if b.over {
			continue
		}
		if err := w.end(ctx, b.path); err != nil {
			return err
		}
	}
	return nil
}

// untilDue returns how long it is until due has something to do.
func (w *fileWatch) untilDue(now time.Time) time.Duration {
	wait := time.Hour
	if len(w.queue) > maxBursts {
		return 0
	}
	if len(w.queue) > 0 {
		wait = min(wait, w.queue[0].until.Sub(now))
	}
	if !w.rescanAt.IsZero() {
		wait = min(wait, w.rescanAt.Sub(now))
	}
	return max(wait, 0)
}

// due ends the bursts whose time has come, and scans if that is due.
func (w *fileWatch) due(ctx context.Context, now time.Time) error {
	for len(w.queue) > 0 && (w.queue[0].over || len(w.queue) > maxBursts || !w.queue[0].until.After(now)) {
		b := w.queue[0]
		w.queue = w.queue[1:]
		if b.over {
			continue
		}
		if late := w.scanned.Add(w.options.Window); b.scanned != nil && late.After(now) && len(w.queue) < maxBursts {
			b.until = late // the queue may still hold its create, from before the end of the scan
			w.queue = append(w.queue, b)
			continue
		}
		if err := w.end(ctx, b.path); err != nil {
			return err
		}
	}
	if w.rescanAt.IsZero() || w.rescanAt.After(now) {
		return nil
	}
	w.rescanAt = time.Time{}
	return w.scan(ctx)
}

// trouble handles an error of the watcher.
func (w *fileWatch) trouble(ctx context.Context, err error) error {
	suppressed, log := w.failing.now()
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		if log {
			w.out.logger.WarnContext(ctx, "watching files had an error", "error", err, "suppressed", suppressed)
		}
		return nil
	}
	if log {
		w.out.logger.WarnContext(ctx, "events of files were lost, scanning again",
			"advice", "watch fewer files, or raise the system's queue (on Linux sysctl fs.inotify.max_queued_events)", "suppressed", suppressed)
	}
	if !w.rescanAt.IsZero() {
		return nil // said already
	}
	w.rescanAt = time.Now().Add(rescanDelay)
	for _, root := range w.roots {
		if err := w.bulk(ctx, root.path, OperationOverflow, bus.Metadata{"reason": "the system's queue of events overflowed"}); err != nil {
			return err
		}
	}
	return nil
}

// incompleteAt says that a directory is not watched, or not all of it was reported; at most once in logInterval.
func (w *fileWatch) incompleteAt(ctx context.Context, dir, reason string) error {
	suppressed, ok := w.incomplete.now()
	if !ok {
		return ctx.Err()
	}
	w.out.logger.WarnContext(ctx, "not all files are watched", "path", dir, "reason", reason, "suppressed", suppressed)
	return w.bulk(ctx, dir, OperationIncomplete, bus.Metadata{"reason": reason, "suppressed": strconv.FormatUint(suppressed, 10)})
}

// watchAdvice says why a directory cannot be watched and what helps.
func watchAdvice(err error) string {
	if errors.Is(err, syscall.ENOSPC) {
		return "the system's limit of watches is reached (on Linux sysctl fs.inotify.max_user_watches)"
	}
	return err.Error()
}

func (w *fileWatch) bulk(ctx context.Context, path, operation string, metadata bus.Metadata) error {
	var texts texts
	event := &bus.FilesystemEvent{
		Path: texts.text("path", path, maxPath), Operation: operation, Timestamp: time.Now().UTC(), Metadata: metadata,
	}
	texts.mark(metadata)
	return w.out.publish(ctx, subjects.FilesystemBulk, event)
}

// publish publishes an event of a file. The info is nil if the file is gone.
func (w *fileWatch) publish(ctx context.Context, path string, info fs.FileInfo, operation string, count int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var texts texts
	metadata := bus.Metadata{}
	event := &bus.FilesystemEvent{
		Path: texts.text("path", path, maxPath), Operation: operation, Timestamp: time.Now().UTC(), Metadata: metadata,
	}
	if info != nil {
		metadata["kind"] = fileKind(info.Mode())
		if info.Mode().IsRegular() {
			event.Size = new(uint64(info.Size()))
		}
		if runtime.GOOS != "windows" { // which has none: what Go shows is made up
			event.Permissions = permissions(info.Mode())
		}
	}
	if count > 1 {
		metadata["count"] = strconv.Itoa(count)
	}
	texts.mark(metadata)
	return w.out.publish(ctx, subjects.FilesystemOperations, event)
}

// permissions returns the permissions in octal as chmod takes them.
func permissions(mode fs.FileMode) string {
	bits := uint32(mode.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return fmt.Sprintf("%04o", bits)
}

func fileKind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "file"
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symlink"
	}
	return "special"
}
