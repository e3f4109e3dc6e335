package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/natsurl"
)

// attachFlags say which bus is meant, and who one is there.
type attachFlags struct {
	Socket string `placeholder:"PATH" xor:"server" help:"The unix socket of the collector, if it is not at the usual place."`
	URL    string `name:"url" placeholder:"URL" xor:"server" help:"Use this NATS server instead, such as nats://host:4222."`
	Creds  string `placeholder:"FILE" help:"Be who the nkey says whose seed is in that file, or the JWT and seed if it ends in .creds."`
	CA     string `name:"ca" placeholder:"FILE" help:"The authorities (PEM) that the certificate of --url may be of, if not the system's."`
}

// Validate checks what can be checked before there is a connection.
func (f *attachFlags) Validate() error {
	if f.CA != "" && f.URL == "" {
		return errNoURL
	}
	if f.URL != "" {
		if _, err := natsurl.Servers(f.URL); err != nil {
			return fmt.Errorf("--url: %w", err)
		}
	}
	return nil
}

// attach connects to the bus, as watch does.
func (f *attachFlags) attach(ctx context.Context, s *streams, logger *slog.Logger) (b bus.Bus, peer string, err error) {
	return (&watchCommand{Socket: f.Socket, URL: f.URL, Creds: f.Creds, CA: f.CA}).attach(ctx, s, logger)
}

// release ends the connection. A server that does not answer must not keep a program that was told to end.
func release(ctx context.Context, b bus.Bus, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), disconnectTimeout)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		logger.Warn("disconnecting failed", "error", err)
	}
}

// checkPositive returns an error for a duration that must be more than nothing.
func checkPositive(flag string, value time.Duration) error {
	if value <= 0 {
		return fmt.Errorf("%s: %v: must be positive", flag, value)
	}
	return nil
}
