package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// credsList is the command line of creds list.
type credsList struct {
	credentialsPlace
	Output show.Format `short:"o" enum:"text,json" default:"text" help:"text is a table for a person, json one object a line."`
}

// Help is shown below the flags of creds list.
func (*credsList) Help() string {
	return `No seed is printed, but where it is. Files that are no credentials, or damaged ones, are named on standard error.

Examples:

    eventbus creds list
    eventbus creds list -o json | jq -r 'select(.role == "observer") | .seed_file'

Exit codes: 0 done, 1 error, 2 usage.`
}

// Run prints the credentials.
func (c *credsList) Run(ctx context.Context, s *streams) error {
	store, err := c.openExisting()
	if errors.Is(err, errNoCredentials) {
		fmt.Fprintf(s.stderr, "eventbus: %s\n", show.Escape(err.Error()))
		return nil
	}
	if err != nil {
		return err
	}
	all, skipped, err := store.List(ctx)
	if err != nil {
		return ended(ctx, err, "while another change was made")
	}
	for _, err := range skipped {
		fmt.Fprintf(s.stderr, "eventbus: skipped: %s\n", show.Escape(err.Error()))
	}
	form := printTable
	if c.Output == show.JSON {
		form = printObjects
	}
	if err := form(s.stdout, store, all); err != nil && !daemon.IsClosedPipe(err) {
		return err
	}
	return nil
}

func printTable(out io.Writer, store *credentials.Store, all []credentials.Credential) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLE\tPUBLIC KEY\tCREATED\tSEED")
	for _, c := range all {
		seed := "handed out"
		if c.HasSeed {
			seed = show.Escape(store.SeedFile(c.Name))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", c.Name, c.Role, c.Public, c.Created.Format(time.RFC3339), seed)
	}
	return table.Flush()
}

func printObjects(out io.Writer, store *credentials.Store, all []credentials.Credential) error {
	encoder := json.NewEncoder(out)
	for _, c := range all {
		object := struct {
			Name     string    `json:"name"`
			Role     string    `json:"role"`
			Public   string    `json:"public"`
			Created  time.Time `json:"created"`
			SeedFile string    `json:"seed_file,omitempty"`
		}{c.Name, c.Role, c.Public, c.Created, ""}
		if c.HasSeed {
			object.SeedFile = store.SeedFile(c.Name)
		}
		if err := encoder.Encode(object); err != nil {
			return err
		}
	}
	return nil
}
