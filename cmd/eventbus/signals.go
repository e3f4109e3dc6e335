package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalError is the cause of a context that a signal has ended. It keeps the signal, which the cause of
// [signal.NotifyContext] does not, since the exit code depends on it.
type signalError struct{ signal os.Signal }

func (e signalError) Error() string { return e.signal.String() }

// exitCode returns what a shell says of a process that the signal has killed.
func (e signalError) exitCode() int {
	if s, ok := e.signal.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return exitError
}

// withSignals returns a context that ends at an interrupt or a request to terminate, with a signalError as its cause. A second
// signal ends the process, which may be stuck in a write that nobody reads. stop releases everything.
func withSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	received := make(chan os.Signal, 1)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-received:
			signal.Stop(received)
			cancel(signalError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(received)
		cancel(nil)
	}
}
