package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// The exit codes, beside those of signals.
const (
	exitDone    = 0
	exitError   = 1
	exitUsage   = 2
	exitNothing = 3
	exitLoss    = 4
	exitTimeout = 124 // as timeout(1) has it
)

// codedError is an error with the exit code that it leads to. Without err it ends the program without a message.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codedError) Unwrap() error { return e.err }

// streams are what the program reads, what it writes to and how it looks at its surroundings. Several goroutines write to stderr, each line with
// one Write; a file takes these one after the other.
type streams struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

const description = `The operator's tool for a running event bus.

What was asked for goes to standard output, and everything else to standard error. If NO_COLOR is set, nothing is colored unless --color
says so. --help behind a command has the rest, and so has eventbus man COMMAND.

Examples:

    eventbus watch 'events.process.#' --count 5
    eventbus publish --type process --field pid=4242 --field name=sleep
    eventbus serve
    eventbus top
    eventbus doctor
    eventbus config check eventbus.toml

Exit codes: 0 done, 1 an error, or doctor has found something, 2 wrong usage, 3 nothing to attach to, 4 events were lost or dropped
and --fail-on-loss was given, 124 --timeout passed before --count was reached, 130 interrupted, 143 terminated.`

// commands is the command line.
type commands struct {
	Version    kong.VersionFlag  `help:"Print the version and exit."`
	Watch      watchCommand      `cmd:"" help:"Print the events of the running collector as they come."`
	Publish    publishCommand    `cmd:"" help:"Publish events, from flags or from lines of JSON."`
	Serve      serveCommand      `cmd:"" help:"Serve a bus for other processes, without collectors."`
	Proxy      proxyCommand      `cmd:"" help:"Open a loopback port in front of a bus's unix socket, for clients with a credential."`
	Bench      benchCommand      `cmd:"" help:"Measure the buses on this machine."`
	Creds      credsCommand      `cmd:"" help:"List, make and revoke the credentials of NATS clients."`
	Config     configCommand     `cmd:"" help:"Check configurations, and say where their values come from."`
	Context    contextCommand    `cmd:"" help:"Write a context with which the nats CLI connects to the running collector."`
	Decode     decodeCommand     `cmd:"" help:"Print a NATS message from standard input as JSON."`
	Stats      statsCommand      `cmd:"" help:"Print what the programs on the bus count: rates, queues, drops, losses."`
	Top        topCommand        `cmd:"" help:"Show what the programs on the bus count, on a screen that is drawn again and again."`
	Doctor     doctorCommand     `cmd:"" help:"Say what is wrong with this installation, and what to do about it."`
	Topics     topicsCommand     `cmd:"" help:"Print the topics, who may read them, and what is flowing on each."`
	Completion completionCommand `cmd:"" help:"Print a completion script for a shell."`
	Complete   completeCommand   `cmd:"" hidden:"" help:"Print what could stand at the cursor of a command line."`
	Man        manCommand        `cmd:"" help:"Print manual pages."`
}

// run runs the program and returns its exit code. An error is one line on stderr.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	fail := func(code int, err error) int {
		// The message may repeat what a server or an argument said. What the package eventbus says begins with that name already.
		fmt.Fprintf(stderr, "eventbus: %s\n", show.Escape(strings.TrimPrefix(err.Error(), "eventbus: ")))
		return code
	}
	// --help and --version end the program in the middle of parsing. Kong calls exit for that and expects it not to return;
	// it goes on parsing, and what comes of it does not matter.
	ended, code := false, 0
	parser, err := newParser(ctx, &streams{stdin, stdout, stderr, getenv}, func(status int) { ended, code = true, status })
	if err != nil {
		return fail(exitError, err)
	}
	help := &checkedWriter{Writer: stdout}
	parser.Stdout = help
	parsed, err := parser.Parse(args)
	if err == nil && !ended {
		err = daemon.CheckGiven(parsed)
	}
	switch {
	case daemon.IsClosedPipe(help.err):
		return exitDone // who closed it has what it wanted
	case help.err != nil:
		return fail(exitError, help.err)
	case ended:
		return code
	case err != nil:
		return fail(exitUsage, withHelp(err))
	}
	err = parsed.Run()
	if err == nil {
		return exitDone
	}
	if usage, ok := errors.AsType[*daemon.UsageError](err); ok {
		return fail(exitUsage, usage)
	}
	if coded, ok := errors.AsType[*codedError](err); ok {
		if coded.err == nil {
			return coded.code
		}
		return fail(coded.code, coded.err)
	}
	return fail(exitError, err)
}

// checkedWriter remembers why it could not write: of help and version, nobody else does.
type checkedWriter struct {
	io.Writer
	err error
}

func (w *checkedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// withHelp says where the help is to who has not found the right words. Other errors name the flag and what it takes.
func withHelp(err error) error {
	parse, ok := errors.AsType[*kong.ParseError](err)
	if !ok || parse.Context == nil {
		return err
	}
	for _, lost := range []string{"expected ", "unexpected argument ", "unknown flag "} {
		if strings.HasPrefix(err.Error(), lost) {
			node := parse.Context.Model.Node
			if selected := parse.Context.Selected(); selected != nil {
				node = selected
			}
			return fmt.Errorf("%w (see %s --help)", err, node.FullPath())
		}
	}
	return err
}

// newParser returns the parser of the command line. The commands run with the context and the streams.
func newParser(ctx context.Context, s *streams, exit func(int)) (*kong.Kong, error) {
	return kong.New(new(commands),
		kong.Name("eventbus"),
		kong.Description(description),
		kong.Writers(s.stdout, s.stderr),
		kong.Exit(exit),
		kong.Vars{"version": version()},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(s),
	)
}
