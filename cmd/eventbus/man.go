package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/daemoneye/eventbus/internal/daemon"
)

// manCommand is the command line of man.
type manCommand struct {
	Command []string `arg:"" optional:"" name:"command" help:"The command whose page is wanted, such as creds make. Default: the page of the program."`
	Dir     string   `placeholder:"DIR" help:"Write all pages into that directory instead."`
}

// Help is shown below the flags of man.
func (*manCommand) Help() string {
	return `The pages are made of what --help says.

Examples:

    eventbus man | man -l -
    eventbus man watch | man -l -
    eventbus man creds make
    eventbus man --dir /usr/local/share/man/man1

Exit codes: 0 done, 1 error, 2 usage.`
}

// Run prints a page, or writes all.
func (m *manCommand) Run(k *kong.Context, s *streams) error {
	if m.Dir != "" {
		if len(m.Command) > 0 {
			return &daemon.UsageError{Reason: fmt.Sprintf("--dir: writes the pages of all commands, not of %q alone", strings.Join(m.Command, " "))}
		}
		if err := os.MkdirAll(m.Dir, 0o755); err != nil { //nolint:gosec // for everybody to read, as the pages
			return err
		}
		return writePages(k.Model.Node, m.Dir)
	}
	node := k.Model.Node
	for _, name := range m.Command {
		child := childOf(node, name)
		if child == nil || child.Hidden {
			return &daemon.UsageError{Reason: fmt.Sprintf("there is no command %q in %s", name, node.FullPath())}
		}
		node = child
	}
	if _, err := io.WriteString(s.stdout, manPage(node)); err != nil && !daemon.IsClosedPipe(err) {
		return err
	}
	return nil
}

// writePages writes the page of a command and of all below it.
func writePages(node *kong.Node, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, manName(node)+".1"), []byte(manPage(node)), 0o644); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	for _, child := range node.Children {
		if child.Hidden {
			continue
		}
		if err := writePages(child, dir); err != nil {
			return err
		}
	}
	return nil
}

// manName returns the name of a command's page, such as eventbus-creds-make.
func manName(node *kong.Node) string { return strings.ReplaceAll(node.FullPath(), " ", "-") }

// manPage returns the page of a command.
func manPage(node *kong.Node) string {
	page := new(roff)
	words := strings.Fields(version())
	page.title(manName(node), revisionDate(), strings.Join(words[:min(2, len(words))], " "))
	purpose, detail := node.Help, node.Detail
	if node.Parent == nil {
		// The first sentence of the program says what it is.
		purpose, detail, _ = strings.Cut(node.Help, "\n\n")
	}
	page.section("NAME")
	page.paragraph(manName(node) + " - " + strings.TrimSuffix(purpose, "."))
	page.section("SYNOPSIS")
	page.synopsis(node.FullPath(), strings.TrimPrefix(node.Summary(), node.Path()))
	page.section("DESCRIPTION")
	if detail == "" {
		page.paragraph(purpose)
	}
	page.text(detail)
	manArguments(page, node)
	manFlags(page, node)
	manCommands(page, node)
	page.finish()
	return page.String()
}

func manArguments(page *roff, node *kong.Node) {
	if len(node.Positional) == 0 {
		return
	}
	page.section("ARGUMENTS")
	for _, argument := range node.Positional {
		page.item(argument.Summary(), argument.Help)
	}
}

// manFlags has the flags in their groups, and those of all commands last.
func manFlags(page *roff, node *kong.Node) {
	page.section("OPTIONS")
	groups := node.AllFlags(true)
	for i, flags := range slices.Backward(groups) {
		title := ""
		for _, flag := range flags {
			if flag.Group != nil && flag.Group.Title != title {
				title = flag.Group.Title
				page.subsection(title)
			}
			page.item(flag.String(), flag.Help)
		}
		if i > 0 && len(groups[0]) > 0 {
			page.subsection("Of every command")
		}
	}
}

func manCommands(page *roff, node *kong.Node) {
	var related []string
	if node.Parent != nil {
		related = append(related, manName(node.Parent))
	}
	for i, child := range node.Children {
		if i == 0 {
			page.section("COMMANDS")
		}
		if child.Hidden {
			continue
		}
		page.item(child.FullPath(), child.Help)
		related = append(related, manName(child))
	}
	page.section("SEE ALSO")
	page.references(related)
}
