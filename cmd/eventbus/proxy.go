package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/proxy"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/internal/show"
)

// proxyCommand is the command line of proxy.
type proxyCommand struct {
	Socket         string `placeholder:"PATH" help:"The unix socket of the bus, if it is not at the usual place."`
	Listen         string `placeholder:"HOST:PORT" default:"127.0.0.1:0" help:"The loopback address to listen on; port 0 is a free one (${default})."`
	Role           string `placeholder:"ROLE" default:"observer" help:"The role in the command that is printed (${default})."`
	MaxConnections int    `placeholder:"N" default:"64" help:"Clients at a time (${default})."`
	daemon.LogFlags
}

// Help is shown below the flags of proxy.
func (*proxyCommand) Help() string {
	return `NATS clients that cannot dial a unix socket, such as the nats CLI, connect to the port. It is no open door: everybody on this machine can
dial it, so the server gives a connection through it no role for your sake. Clients authenticate with the nkey of one of the server's
credentials (eventbus creds list), as they would on a listener of the server's own.

Standard output has the address and a command for the nats CLI; eventbus context finds the proxy, too.

Examples:

    eventbus proxy
    eventbus proxy --listen 127.0.0.1:4222 --role agent
    eventbus proxy --socket /run/user/1001/eventbus/eventbus.sock

It runs until a signal. The server behind it may come and go.

Exit codes: 130 interrupted and 143 terminated, 1 error, 2 usage, 3 nothing to attach to.`
}

// Validate checks what can be checked without looking at files.
func (c *proxyCommand) Validate() error {
	if c.MaxConnections < 1 {
		return fmt.Errorf("--max-connections: %d: must be positive", c.MaxConnections)
	}
	if err := proxy.CheckAddress(c.Listen); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	return credentials.CheckName("--role", c.Role)
}

// Run listens until ctx ends.
func (c *proxyCommand) Run(ctx context.Context, s *streams) error {
	place, err := findServer(c.Socket, s)
	if err != nil {
		return err
	}
	if err := place.check(ctx); err != nil {
		return ended(ctx, err, "while attaching")
	}
	table := daemon.DefaultLog()
	if err := c.OverrideLog(&table); err != nil {
		return err
	}
	logger, _ := table.Logger(s.stderr, nil)
	p, err := proxy.Listen(ctx, c.Listen, &proxy.Options{
		Socket: place.socket, ServerUser: place.user, MaxConnections: c.MaxConnections, Logger: logger,
	})
	if err != nil {
		return err
	}
	remove, err := rendezvous.WriteProxy(place.socket, p.URL())
	if err != nil {
		// The directory is the server's user's, who may be another one.
		fmt.Fprintf(s.stderr, "eventbus: eventbus context will not find this proxy: %s\n", show.Escape(err.Error()))
		remove = func() error { return nil }
	}
	if _, err := io.WriteString(s.stdout, c.describe(ctx, s, p.URL())); err != nil && !daemon.IsClosedPipe(err) {
		return errors.Join(err, remove(), p.Close())
	}
	if err := errors.Join(p.Serve(ctx), remove()); err != nil {
		return err
	}
	return ended(ctx, context.Cause(ctx), "while serving")
}

// describe says how to use the proxy, in lines.
func (c *proxyCommand) describe(ctx context.Context, s *streams, url string) string {
	text := "listening on " + url + "\n"
	seed, err := (&credentialsPlace{Socket: c.Socket}).seedOf(ctx, c.Role)
	if err != nil {
		fmt.Fprintf(s.stderr, "eventbus: clients need an nkey: %s\n", show.Escape(err.Error()))
		return text
	}
	return text + fmt.Sprintf("watch it with: nats --server %s --nkey %s --inbox-prefix _INBOX_%s sub 'events.>' --translate 'eventbus decode'\n",
		url, daemon.QuoteArgument(seed), c.Role)
}
