package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// configCommand is the command line of config.
type configCommand struct {
	Check configCheck `cmd:"" help:"Check configuration files."`
	Show  configShow  `cmd:"" help:"Print each value of a configuration, with where it comes from."`
}

// Help is shown below the commands of config.
func (*configCommand) Help() string {
	return `The files are those of eventbus serve and of the collector, with the tables event_bus, log, health, collect and http.

Examples:

    eventbus config check eventbus.toml
    eventbus config show eventbus.toml

Exit codes: 0 done, 1 a configuration that cannot be used, 2 usage.`
}

// sections returns the tables beside event_bus that the programs have.
func sections() []eventbus.Section {
	collect, log, http, health := daemon.DefaultCollect(), daemon.DefaultLog(), daemon.HTTP{}, daemon.DefaultHealth()
	return []eventbus.Section{{Name: "log", Into: &log}, {Name: "collect", Into: &collect}, {Name: "http", Into: &http}, {Name: "health", Into: &health}}
}

// configCheck is the command line of config check.
type configCheck struct {
	Files  []string    `arg:"" name:"file" help:"The files."`
	Output show.Format `short:"o" enum:"text,json" default:"text" help:"text is a line a file, and its problems on standard error; json an object a file."`
}

// Help is shown below the flags of config check.
func (*configCheck) Help() string {
	return `Each file is checked on its own: the environment is left out. All problems of a file are told, with their lines. What is deprecated is
told too, and is no problem.

Examples:

    eventbus config check eventbus.toml
    eventbus config check -o json *.toml | jq -r 'select(.ok | not) | .file'

Exit codes: 0 all files can be used, 1 one cannot, 2 usage.`
}

// checkedFile is what is said of a file.
type checkedFile struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	Problems []configProblem `json:"problems,omitempty"`
	Warnings []configProblem `json:"warnings,omitempty"`
}

// configProblem is something that is wrong, or deprecated.
type configProblem struct {
	Origin string `json:"origin,omitempty"`
	Key    string `json:"key,omitempty"`
	Value  string `json:"value,omitempty"`
	Reason string `json:"reason"`
	Use    string `json:"use,omitempty"` // the key to use instead
}

// Run checks the files.
func (c *configCheck) Run(s *streams) error {
	bad := 0
	for _, file := range c.Files {
		_, warnings, err := eventbus.Explain(file, nil, sections()...)
		result := checkedFile{File: file, OK: err == nil, Problems: problemsOf(err), Warnings: warningsOf(warnings)}
		if err != nil {
			bad++
		}
		if err := c.print(s, result, warnings, err); err != nil && !daemon.IsClosedPipe(err) {
			return err
		}
	}
	if bad > 0 {
		return &codedError{code: exitError}
	}
	return nil
}

func (c *configCheck) print(s *streams, result checkedFile, warnings []eventbus.Warning, problem error) error {
	if c.Output == show.JSON {
		encoder := json.NewEncoder(s.stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(result)
	}
	tellWarnings(s.stderr, warnings)
	state := "ok"
	if problem != nil {
		tellProblems(s.stderr, problem)
		state = counted(uint64(len(result.Problems)), "problem")
	}
	_, err := fmt.Fprintf(s.stdout, "%s: %s\n", show.Escape(result.File), state)
	return err
}

// tellProblems prints a line for each of the joined errors.
func tellProblems(out io.Writer, problem error) {
	for text := range strings.Lines(problem.Error()) {
		fmt.Fprintf(out, "eventbus: %s\n", show.Escape(strings.TrimPrefix(strings.TrimSuffix(text, "\n"), "eventbus: ")))
	}
}

func tellWarnings(out io.Writer, warnings []eventbus.Warning) {
	for _, warning := range warnings {
		fmt.Fprintf(out, "eventbus: %s: warning: %s\n", show.Escape(warning.Origin), show.Escape(warning.Text))
	}
}

// problemsOf takes joined errors apart.
func problemsOf(err error) (problems []configProblem) {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			problems = append(problems, problemsOf(err)...)
		}
		return problems
	}
	told, ok := errors.AsType[*eventbus.ConfigError](err)
	if !ok {
		return []configProblem{{Reason: err.Error()}}
	}
	return []configProblem{{Origin: told.Origin, Key: told.Key, Value: told.Value, Reason: told.Reason}}
}

func warningsOf(warnings []eventbus.Warning) (problems []configProblem) {
	for _, warning := range warnings {
		problems = append(problems, configProblem{Origin: warning.Origin, Key: warning.Key, Reason: warning.Text, Use: warning.Replacement})
	}
	return problems
}

// configShow is the command line of config show.
type configShow struct {
	File   string      `arg:"" optional:"" name:"file" help:"The file. Without it, everything has its default or is from the environment."`
	Output show.Format `short:"o" enum:"text,json" default:"text" help:"text is a configuration file with comments, json an object a value."`
}

// Help is shown below the flags of config show.
func (*configShow) Help() string {
	return `A value comes from an environment variable (EVENTBUS_NATS__LISTEN), else from the file, else it is the default. Flags of the programs go
before all of these, and are not known here. URLs are shown without credentials.

Examples:

    eventbus config show
    eventbus config show eventbus.toml >all-values.toml
    EVENTBUS_QUEUE_CAPACITY=64 eventbus config show eventbus.toml | grep -v '# default$'
    eventbus config show -o json | jq -r 'select(.origin != "default") | .key'

Exit codes: 0 done, 1 a configuration that cannot be used, 2 usage.`
}

// Run prints the values.
func (c *configShow) Run(s *streams) error {
	values, warnings, err := eventbus.Explain(c.File, os.Environ(), sections()...)
	tellWarnings(s.stderr, warnings)
	if err != nil {
		tellProblems(s.stderr, err)
		return &codedError{code: exitError}
	}
	write := writeValues
	if c.Output == show.JSON {
		write = writeValueObjects
	}
	if err := write(s.stdout, values); err != nil && !daemon.IsClosedPipe(err) {
		return err
	}
	return nil
}

// writeValues writes a TOML document, whose strings and lists are those of JSON as well.
func writeValues(out io.Writer, values []eventbus.Value) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, value := range values {
		text, err := visibleJSON(value.Value)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s = %s\t# %s\n", value.Key, text, show.Escape(value.Origin))
	}
	return table.Flush()
}

func writeValueObjects(out io.Writer, values []eventbus.Value) error {
	for _, value := range values {
		text, err := visibleJSON(value)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", text); err != nil {
			return err
		}
	}
	return nil
}

func visibleJSON(value any) ([]byte, error) {
	encoded, err := json.Marshal(value)
	return show.VisibleJSON(encoded), err
}
