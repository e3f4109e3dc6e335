package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/natsurl"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/natsbus"
)

// attachFlags say which bus is meant, and as whom to come.
type attachFlags struct {
	Socket string `placeholder:"PATH" xor:"server" help:"The unix socket of the collector, if it is not at the usual place."`
	URL    string `name:"url" placeholder:"URL" xor:"server" help:"Use this NATS server instead, such as nats://host:4222."`
	Creds  string `placeholder:"FILE" help:"Be who the nkey says whose seed is in that file, or the JWT and seed if it ends in .creds."`
	CA     string `name:"ca" placeholder:"FILE" help:"The authorities (PEM) that the certificate of --url may be of, if not the system's."`

	client string // what the server calls the connection; empty is eventbus watch
}

// errNoURL is returned for a flag that could have no effect.
var errNoURL = errors.New("--ca: is for --url")

// Validate checks what can be checked before there is a connection.
func (a *attachFlags) Validate() error {
	if a.CA != "" && a.URL == "" {
		return errNoURL
	}
	if a.URL != "" {
		if _, err := natsurl.Servers(a.URL); err != nil {
			return fmt.Errorf("--url: %w", err)
		}
	}
	return nil
}

// attach connects to the server at --url, or to the collector at --socket, or to that at the usual place. peer names what it is
// connected to. The error is a [*codedError] with exitNothing if there is nothing.
func (a *attachFlags) attach(ctx context.Context, s *streams, logger *slog.Logger) (b bus.Bus, peer string, err error) {
	options := &natsbus.Options{
		Name: cmp.Or(a.client, "eventbus watch"), Credentials: a.Creds, TLS: natsbus.TLS{CAFile: a.CA},
		// A server may be set to larger events than the default, and this tool takes what there is.
		Bus: bus.Options{Logger: logger, MaxEventSize: bus.MaxEventSizeLimit},
	}
	if a.URL != "" {
		peer, err := natsurl.Servers(a.URL)
		if err != nil {
			return nil, "", err
		}
		b, err := natsbus.Connect(ctx, a.URL, options)
		if errors.Is(err, nats.ErrNoServers) {
			return nil, "", &codedError{exitNothing, fmt.Errorf("nothing to attach to at %s: is a server running?", peer)}
		}
		return b, peer, a.remedy(err)
	}
	place, err := findServer(a.Socket, s)
	if err != nil {
		return nil, "", err
	}
	if err := rendezvous.CheckSocketPath(place.socket); err != nil { // nobody can be there
		return nil, "", err
	}
	options.ServerUser = place.user
	b, err = natsbus.Attach(ctx, place.socket, options)
	if err != nil && nothingAt(place.socket, err) {
		return nil, "", place.nothing()
	}
	return b, place.socket, a.remedy(err)
}

// remedy says what to do if the server lets nobody in without a credential that it knows.
func (a *attachFlags) remedy(err error) error {
	if !errors.Is(err, nats.ErrAuthorization) {
		return err
	}
	such := ""
	if dir, err := credentials.Dir(a.Socket); err == nil && a.Creds == "" {
		such = ", such as " + filepath.Join(dir, embed.Observer+".nk")
	}
	return fmt.Errorf("%w: say with --creds which one the server knows%s (eventbus creds list, eventbus creds make)", err, such)
}

// nothingAt reports whether attaching failed because there is no socket, or nobody behind it.
func nothingAt(socket string, err error) bool {
	if errors.Is(err, bus.ErrInvalid) { // such as a credential that is not there
		return false
	}
	_, missing := os.Lstat(socket)
	return errors.Is(missing, fs.ErrNotExist) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, nats.ErrNoServers)
}
