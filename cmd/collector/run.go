package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/daemoneye/eventbus/internal/daemon"
)

// The exit codes.
const (
	exitDone  = 0
	exitError = 1
	exitUsage = 2
)

// run is the program without its process: it returns the exit code. Signals are handled while it runs.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags, code, ok := parseFlags(args, stdout, stderr)
	if !ok {
		return code
	}
	return daemon.UntilSignal(ctx, func(ctx context.Context) int {
		err := serve(ctx, flags, getenv, stdout, stderr)
		if err == nil {
			return exitDone
		}
		fmt.Fprintf(stderr, "collector: %s\n", oneLine(err))
		if _, ok := errors.AsType[*daemon.UsageError](err); ok {
			return exitUsage
		}
		return exitError
	})
}

// oneLine returns the text of an error, which may be several errors joined, without line breaks.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
