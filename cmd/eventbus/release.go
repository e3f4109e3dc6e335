package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// release ends the connection. A server that does not answer must not keep a program that was told to end.
func release(ctx context.Context, b bus.Bus, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), disconnectTimeout)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		logger.Warn("disconnecting failed", "error", err)
	}
}

// checkWait returns an error for a --wait that gives nobody any time.
func checkWait(value time.Duration) error {
	if value <= 0 {
		return fmt.Errorf("--wait: %v: must be positive", value)
	}
	return nil
}

// errorLogger returns a logger for commands that say themselves what they may not do, and that the connection is lost.
func errorLogger(stderr io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}
