package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/natsurl"
	"github.com/daemoneye/eventbus/natsbus"
)

// attach connects to the server at --url, or to the collector at --socket, or to that at the usual place. peer names what it is
// connected to. The error is a [*codedError] with exitNothing if there is nothing.
func (w *watchCommand) attach(ctx context.Context, s *streams, logger *slog.Logger) (b bus.Bus, peer string, err error) {
	options := &natsbus.Options{
		Name: "eventbus watch", Credentials: w.Creds, TLS: natsbus.TLS{CAFile: w.CA},
		// A server may be set to larger events than the default, and a watcher shows what there is.
		Bus: bus.Options{Logger: logger, MaxEventSize: bus.MaxEventSizeLimit},
	}
	if w.URL != "" {
		peer, err := natsurl.Servers(w.URL)
		if err != nil {
			return nil, "", err
		}
		b, err := natsbus.Connect(ctx, w.URL, options)
		if errors.Is(err, nats.ErrNoServers) {
			return nil, "", &codedError{exitNothing, fmt.Errorf("nothing to attach to at %s: is a server running?", peer)}
		}
		return b, peer, err
	}
	place, err := findServer(w.Socket, s)
	if err != nil {
		return nil, "", err
	}
	options.ServerUser = place.user
	b, err = natsbus.Attach(ctx, place.socket, options)
	if err != nil && nothingAt(place.socket, err) {
		return nil, "", place.nothing()
	}
	return b, place.socket, err
}

// nothingAt reports whether attaching failed because there is no socket, or nobody behind it.
func nothingAt(socket string, err error) bool {
	if errors.Is(err, bus.ErrInvalid) { // such as a credential that is not there
		return false
	}
	_, missing := os.Lstat(socket)
	return errors.Is(missing, fs.ErrNotExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, nats.ErrNoServers)
}
