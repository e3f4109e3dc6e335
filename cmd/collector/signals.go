package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// stopRequest is the cause of a context that ended because somebody wanted the program to end, which is no failure.
type stopRequest string

func (r stopRequest) Error() string { return string(r) }

// stopRequested returns why the program was asked to end, "" if it was not.
func stopRequested(ctx context.Context) string {
	request, _ := errors.AsType[stopRequest](context.Cause(ctx))
	return string(request)
}

// untilSignal runs f with a context that the first SIGINT or SIGTERM ends, and returns f's result. At a second signal it returns
// exitInterrupted without waiting for f: the process is to end now, and what it leaves behind, a socket, the next start replaces.
//
// A broken pipe is an error of the write that finds it instead of the end of the process.
func untilSignal(ctx context.Context, f func(context.Context) int) int {
	signal.Ignore(syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	result := make(chan int, 1)
	go func() { result <- f(ctx) }()
	for stopping := false; ; stopping = true {
		select {
		case code := <-result:
			return code
		case s := <-signals:
			if stopping {
				return exitInterrupted
			}
			cancel(stopRequest(s.String()))
		}
	}
}
