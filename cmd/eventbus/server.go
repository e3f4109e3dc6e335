package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/internal/show"
)

// serverPlace is the socket of a server, and whose it may be beside this user's and root's.
type serverPlace struct {
	socket string
	user   int // 0 is nobody else's
}

// findServer returns the place of a server. A socket that was named is accepted from whoever it belongs to, who is told: it was named.
// At the usual place whoever is not this user or root has no business.
func findServer(socket string, s *streams) (serverPlace, error) {
	if socket == "" {
		usual, err := rendezvous.DefaultSocket()
		return serverPlace{socket: usual}, err
	}
	place := serverPlace{socket: socket}
	if owner, ok := rendezvous.Owner(socket); ok && owner != os.Geteuid() && owner != 0 {
		fmt.Fprintf(s.stderr, "eventbus: %s belongs to user %d, whose server is used because it was named\n", show.Escape(socket), owner)
		place.user = owner
	}
	return place, nil
}

// probeTimeout bounds the attempt to reach a server. A live one answers in the kernel, at once.
const probeTimeout = 2 * time.Second

// check returns an error if no server is there, a [*codedError] with exitNothing if nobody is.
func (p serverPlace) check(ctx context.Context) error {
	if err := rendezvous.CheckSocketPath(p.socket); err != nil {
		return err
	}
	conn, err := rendezvous.Dial(ctx, p.socket, probeTimeout, p.user)
	if err == nil {
		return conn.Close()
	}
	// Anything but a dial that fails is about whose server it is.
	if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "dial" && ctx.Err() == nil && !errors.Is(err, fs.ErrPermission) {
		return p.nothing()
	}
	return err
}

// nothing is the error that nobody is there.
func (p serverPlace) nothing() error {
	return &codedError{exitNothing, fmt.Errorf("nothing to attach to at %s: is a collector running?", p.socket)}
}
