package embed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// probeTimeout bounds the attempt to reach whoever may hold the socket. A live server answers in the kernel, at once.
const probeTimeout = time.Second

// place is this server's hold on the files where clients find it.
type place struct {
	listener *net.UnixListener // nil if no socket was wanted
	files    []ownFile         // in the order of their creation
}

// ownFile is a file that this server has made. The open file, if any, holds a lock on it for as long as the server lives.
type ownFile struct {
	path string
	info fs.FileInfo // tells it from one that somebody else has put in its place
	open *os.File
}

// takePlace makes the token file and then the socket, unless a live server is there. Of several that try at once one gets it.
func takePlace(ctx context.Context, settings *settings, token string) (_ *place, err error) {
	socket, wantSocket := settings.Socket, !settings.NoSocket
	dir := filepath.Dir(socket)
	prepare, mode := rendezvous.PrepareDir, fs.FileMode(0o600)
	if len(settings.Users) > 0 {
		prepare, mode = rendezvous.PrepareSharedDir, 0o666
	}
	if err := prepare(dir); err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	unlock, err := lockDir(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("embed: lock %s: %w", dir, err)
	}
	defer unlock()
	if err := clearPlace(socket, wantSocket); err != nil {
		return nil, err
	}
	p := &place{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(), p.release())
		}
	}()
	// The token comes first: a client that sees the socket must find the token that it needs there.
	if err := p.write(rendezvous.TokenFile(socket), token+"\n"); err != nil {
		return nil, err
	}
	if wantSocket {
		if err := p.listen(ctx, socket, mode); err != nil {
			return nil, fmt.Errorf("embed: %w", err)
		}
	}
	return p, nil
}

// clearPlace returns an error if the place is taken, and removes the socket of a server that is no more.
func clearPlace(socket string, wantSocket bool) error {
	info, err := os.Lstat(socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("embed: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		if wantSocket {
			return &OptionError{Field: "Socket", Value: socket, Reason: "something other than a socket is there; it is left alone"}
		}
	default:
		if err := probe(socket); err != nil {
			return err
		}
		if wantSocket {
			if err := os.Remove(socket); err != nil {
				return fmt.Errorf("embed: remove the socket of a server that is gone: %w", err)
			}
		}
	}
	// A server without a socket, or one that is about to stop, still holds its token file.
	held, err := isLocked(rendezvous.TokenFile(socket))
	if err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	if held {
		return &InUseError{Socket: socket}
	}
	return nil
}

// probe returns nil if nobody listens on the socket any more.
func probe(socket string) error {
	conn, err := net.DialTimeout("unix", socket, probeTimeout)
	switch {
	case isRefused(err), errors.Is(err, fs.ErrNotExist):
		return nil
	case isBusy(err):
		return &InUseError{Socket: socket}
	case err != nil:
		return fmt.Errorf("embed: cannot tell whether a server is alive: %w", err)
	}
	defer conn.Close()
	inUse := &InUseError{Socket: socket}
	if _, pid, ok := rendezvous.PeerCredentials(conn); ok {
		inUse.PID, inUse.Process = pid, processName(pid)
	}
	return inUse
}

// processName returns the name of a process where the system has /proc, otherwise nothing.
func processName(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

// write makes a file of mode 0600 in one step: whoever opens it sees all of the content. It replaces what a server that was
// killed has left there.
func (p *place) write(path, content string) (err error) {
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("embed: %w", err)
	}
	file, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	own := ownFile{path: path, open: file}
	if own.info, err = fill0600(file, content); err == nil {
		own.open, err = keepLocked(file)
	}
	if err == nil {
		err = os.Rename(next, path)
	}
	if err != nil {
		return fmt.Errorf("embed: %w", errors.Join(err, file.Close(), os.Remove(next)))
	}
	p.files = append(p.files, own)
	return nil
}

func fill0600(file *os.File, content string) (fs.FileInfo, error) {
	// The umask may have taken away the owner's own rights.
	if err := file.Chmod(0o600); err != nil {
		return nil, err
	}
	if _, err := file.WriteString(content); err != nil {
		return nil, err
	}
	return file.Stat()
}

// listen makes the socket. It has mode 0600 at first, and then the one that is wanted.
func (p *place) listen(ctx context.Context, socket string, mode fs.FileMode) error {
	config := net.ListenConfig{Control: restrictSocket}
	listener, err := config.Listen(ctx, "unix", socket)
	if err != nil {
		return err
	}
	p.listener = listener.(*net.UnixListener)
	// By default its Close removes whatever is at the path by then.
	p.listener.SetUnlinkOnClose(false)
	info, err := os.Lstat(socket)
	if err != nil {
		return err
	}
	p.files = append(p.files, ownFile{path: socket, info: info})
	return os.Chmod(socket, mode)
}

// close ends the listener. The files stay.
func (p *place) close() error {
	if p.listener == nil {
		return nil
	}
	if err := p.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("embed: %w", err)
	}
	return nil
}

// release removes the files that are still ours, the token file last: while that is locked nobody else takes the place.
func (p *place) release() error {
	var errs []error
	for i := len(p.files) - 1; i >= 0; i-- {
		errs = append(errs, p.files[i].remove())
	}
	p.files = nil
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("embed: %w", err)
	}
	return nil
}

func (f *ownFile) remove() error {
	var errs []error
	info, err := os.Lstat(f.path)
	switch {
	case err == nil && os.SameFile(info, f.info):
		errs = append(errs, os.Remove(f.path))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		errs = append(errs, err)
	}
	if f.open != nil {
		errs = append(errs, f.open.Close())
	}
	return errors.Join(errs...)
}
