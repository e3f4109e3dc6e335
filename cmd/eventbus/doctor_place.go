package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// modesCount says whether the modes of files say who may read them.
const modesCount = runtime.GOOS != "windows"

// checkSocketPath finds the socket, and looks whether it could be one.
func checkSocketPath(_ context.Context, e *examination) ([]finding, string) {
	if e.URL != "" {
		return nil, "another server is meant than one behind a socket"
	}
	place, err := findServer(e.Socket, e.streams)
	if err != nil {
		return found("Say with --socket where it is", "Nobody knows where the socket would be: %v", err), ""
	}
	e.place, e.located = place, true
	if err := rendezvous.CheckSocketPath(place.socket); err != nil {
		return found("Choose a shorter one: event_bus.nats.socket_path, --socket, or another $XDG_RUNTIME_DIR", "%v", err), ""
	}
	return nil, ""
}

// notLocated is why checks of the socket's surroundings are skipped.
const notLocated = "there is no socket to look at"

// checkRuntimeDirectory looks at the directory of the socket.
func checkRuntimeDirectory(_ context.Context, e *examination) ([]finding, string) {
	if !e.located {
		return nil, notLocated
	}
	dir := filepath.Dir(e.place.socket)
	if len(e.config.NATS.Users) > 0 || isOpenToOthers(e.place.socket) { // others are to come in, by their roles
		return checkDirectory(dir, e.place.user, rendezvous.PrepareSharedDir, "711")
	}
	return checkDirectory(dir, e.place.user, rendezvous.PrepareDir, "700")
}

// isOpenToOthers reports whether a socket is one for several users.
func isOpenToOthers(socket string) bool {
	info, err := os.Lstat(socket)
	return err == nil && info.Mode()&fs.ModeSocket != 0 && info.Mode().Perm()&0o006 == 0o006
}

// checkDirectory looks at a directory that a collector makes if it is missing. user is whose it may be beside this one's,
// and mode the one that it should have.
func checkDirectory(dir string, user int, prepare func(string) error, mode string) ([]finding, string) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return checkMissing(dir)
	}
	if owner, ok := rendezvous.Owner(dir); ok && user != 0 && owner == user {
		return nil, dir + " belongs to the other user whose socket was named"
	}
	if err := prepare(dir); err != nil {
		return found(permissionRemedy(dir, mode), "%v", err), ""
	}
	return nil, ""
}

// checkMissing looks whether a collector could make a directory.
func checkMissing(dir string) ([]finding, string) {
	above := filepath.Dir(dir)
	for {
		info, err := os.Lstat(above)
		if err == nil || filepath.Dir(above) == above {
			if err == nil && (info.IsDir() || info.Mode()&fs.ModeSymlink != 0) && !writable(above) {
				return found("Let this user write there, or choose another place: $XDG_RUNTIME_DIR, $XDG_STATE_HOME, --socket",
					"%s is not there, and this user cannot make it: %s is not to be written by user %d", dir, above, os.Geteuid()), ""
			}
			return nil, dir + " is not there yet: a collector makes it"
		}
		above = filepath.Dir(above)
	}
}

// permissionRemedy says how a file or a directory becomes one of this user's with that mode.
func permissionRemedy(path, mode string) string {
	info, err := os.Lstat(path)
	owner, known := rendezvous.Owner(path)
	quoted := daemon.QuoteArgument(path)
	switch {
	case err != nil:
		return fmt.Sprintf("Make %s accessible for this user", quoted)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Sprintf("Remove the link %s, and put what it points to in its place", quoted)
	case known && owner != os.Geteuid():
		return fmt.Sprintf("Run this as user %d, or remove %s and start the collector as the user it is for", owner, quoted)
	case info.IsDir() == (mode != "600"):
		return fmt.Sprintf("Run chmod %s %s", mode, quoted)
	}
	return fmt.Sprintf("Move %s away, and start the collector anew", quoted)
}

// checkSocket looks whether there is a socket.
func checkSocket(_ context.Context, e *examination) ([]finding, string) {
	if !e.located {
		return nil, notLocated
	}
	info, err := os.Lstat(e.place.socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found("Start collector or eventbus serve, or say with --socket where one serves", "There is no socket at %s: no collector runs there", e.place.socket), ""
	case err != nil:
		return found(permissionRemedy(filepath.Dir(e.place.socket), "700"), "The socket cannot be looked at: %v", err), ""
	case info.Mode()&fs.ModeSocket == 0:
		return found("Move it away, or choose another --socket: a collector leaves it alone, and does not start", "%s is in the way: it is no socket", e.place.socket), ""
	}
	e.socket = true
	return nil, ""
}

// checkServer looks whether somebody serves at the socket, and who.
func checkServer(ctx context.Context, e *examination) ([]finding, string) {
	if !e.socket {
		return nil, "there is no socket"
	}
	conn, err := rendezvous.Dial(ctx, e.place.socket, probeTimeout, e.place.user)
	if err == nil {
		e.serving = true
		_, e.pid, _ = rendezvous.PeerCredentials(conn)
		_ = conn.Close() // it was only looked at
		return nil, ""
	}
	failed, ok := errors.AsType[*net.OpError](err)
	switch {
	case !ok:
		return found("Find out who that is before anything is sent there. If it is meant, name it: --socket "+daemon.QuoteArgument(e.place.socket),
			"Another user's process serves where this user's collector should: %v", err), ""
	case errors.Is(failed, fs.ErrPermission):
		return found(permissionRemedy(e.place.socket, "600"), "The socket %s does not let this user in", e.place.socket), ""
	}
	return found("Start a collector: it puts a new socket there. If one seems to run, it hangs: stop it first",
		"%s is a socket that nobody listens on: what has made it was killed", e.place.socket), ""
}

// notServing is why checks of the server's surroundings are skipped.
const notServing = "nobody serves at a socket"

// checkToken looks at the secret that clients of this user present.
func checkToken(_ context.Context, e *examination) ([]finding, string) {
	switch {
	case !e.serving:
		return nil, notServing
	case e.place.user != 0 || isOpenToOthers(e.place.socket):
		return nil, "the server knows its clients by their users"
	}
	if _, err := rendezvous.ReadToken(e.place.socket); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return found("Restart the collector, which makes it", "The file %s with the server's token is missing", rendezvous.TokenFile(e.place.socket)), ""
		}
		return e.unreadable(rendezvous.TokenFile(e.place.socket), err)
	}
	return nil, ""
}

// unreadable says what to do about a file beside the socket, unless it is the directory that is to blame.
func (e *examination) unreadable(file string, err error) ([]finding, string) {
	if place, ok := errors.AsType[*rendezvous.Error](err); ok && place.Path == filepath.Dir(file) {
		return nil, "the directory has to be put right first"
	}
	return found(permissionRemedy(file, "600"), "%v", err), ""
}

// checkListener looks whether the address that the server has left is alive.
func checkListener(ctx context.Context, e *examination) ([]finding, string) {
	if !e.located {
		return nil, notLocated
	}
	url, findings, skipped := e.address(ctx, rendezvous.ListenFile(e.place.socket), rendezvous.ReadListen, "Restart the collector, which has been killed or does not listen any more")
	e.listens = url
	return findings, skipped
}

// checkProxy looks whether the address that a proxy has left is alive.
func checkProxy(ctx context.Context, e *examination) ([]finding, string) {
	if !e.located {
		return nil, notLocated
	}
	file := rendezvous.ProxyFile(e.place.socket)
	_, findings, skipped := e.address(ctx, file, rendezvous.ReadProxy, "Start eventbus proxy again, or remove "+daemon.QuoteArgument(file))
	return findings, skipped
}

// address returns the URL that a file has, if somebody listens there.
func (e *examination) address(ctx context.Context, file string, read func(string) (string, error), remedy string) (string, []finding, string) {
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return "", nil, "there is none"
	}
	url, err := read(e.place.socket)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, "there is none"
	}
	if err != nil {
		findings, skipped := e.unreadable(file, err)
		return "", findings, skipped
	}
	if err := dial(ctx, url); err != nil {
		return "", found(remedy, "%s says %s, but nobody listens there: %v", file, url, err), ""
	}
	return url, nil, ""
}
