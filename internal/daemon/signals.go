package daemon

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signal is the cause of a context that a signal has ended. It keeps the signal, which the cause of [signal.NotifyContext] does not,
// since an exit code may depend on it.
type Signal struct{ os.Signal }

func (s Signal) Error() string { return s.String() }

// ExitCode returns what a shell says of a process that the signal has killed.
func (s Signal) ExitCode() int {
	if number, ok := s.Signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return 1
}

// UntilSignal runs f with a context that the first SIGINT or SIGTERM ends, with a [Signal] as its cause, and returns f's result. At a
// second signal it returns that one's exit code without waiting for f: the process is to end now, and what it leaves behind, a socket,
// the next start replaces.
//
// A broken pipe is an error of the write that finds it instead of the end of the process.
func UntilSignal(ctx context.Context, f func(context.Context) int) int {
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
				return Signal{s}.ExitCode()
			}
			cancel(Signal{s})
		}
	}
}
