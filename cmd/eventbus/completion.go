package main

import (
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/daemoneye/eventbus/internal/daemon"
	"github.com/daemoneye/eventbus/internal/show"
)

// The scripts ask this program what could stand at the cursor, so they have nothing in them that could be out of date.
var (
	//go:embed completion/eventbus.bash
	bashCompletion string
	//go:embed completion/eventbus.zsh
	zshCompletion string
	//go:embed completion/eventbus.fish
	fishCompletion string
)

// completionCommand is the command line of completion.
type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help is shown below the flags of completion.
func (*completionCommand) Help() string {
	return `Standard output is a script for the shell. It asks this program what could stand at the cursor.

Examples:

    source <(eventbus completion bash)
    eventbus completion bash >~/.local/share/bash-completion/completions/eventbus
    eventbus completion zsh >~/.zfunc/_eventbus
    eventbus completion fish >~/.config/fish/completions/eventbus.fish

Exit codes: 0 done, 1 error, 2 usage.`
}

// Run prints the script.
func (c *completionCommand) Run(s *streams) error {
	script := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell]
	if _, err := io.WriteString(s.stdout, script); err != nil && !daemon.IsClosedPipe(err) {
		return err
	}
	return nil
}

// completeCommand is the command line of complete, which the scripts call.
type completeCommand struct {
	Shell string   `enum:"bash,zsh,fish" required:"" help:"Which shell asks."`
	Words []string `arg:"" optional:"" help:"The words of the command line behind the program, up to the cursor."`
}

// Help is shown below the flags of complete.
func (*completeCommand) Help() string {
	return `Standard output has a line for each word that could stand last, with what it means behind a tab; or :files or :dirs.

Example: eventbus complete --shell bash -- watch --ty`
}

// Run prints what could stand at the cursor.
func (c *completeCommand) Run(k *kong.Context, s *streams) error {
	words := c.Words
	if c.Shell == "bash" {
		words = joinAssignments(words)
	}
	var out strings.Builder
	for _, candidate := range complete(k.Model.Node, words, c.Shell == "fish") {
		out.WriteString(show.Escape(candidate.text))
		if !candidate.isDirective() {
			out.WriteString("\t" + show.Escape(candidate.help))
		}
		out.WriteByte('\n')
	}
	_, err := fmt.Fprint(s.stdout, out.String())
	return err
}

// joinAssignments makes one word of --flag = value, which bash takes for three.
func joinAssignments(words []string) (joined []string) {
	for i := 0; i < len(words); i++ {
		if words[i] == "=" && i > 0 && strings.HasPrefix(words[i-1], "--") {
			value := ""
			if i+1 < len(words) {
				i++
				value = words[i]
			}
			joined[len(joined)-1] += "=" + value
			continue
		}
		joined = append(joined, words[i])
	}
	return joined
}

// candidate is a word that could stand at the cursor.
type candidate struct{ text, help string }

// What takes the place of candidates: the shell knows files better.
const (
	anyFile = ":files"
	anyDir  = ":dirs"
)

func (c candidate) isDirective() bool { return c.text == anyFile || c.text == anyDir }

// complete returns what could stand in the place of the last word. With whole, the value of --flag=value has the flag in front of it.
func complete(node *kong.Node, words []string, whole bool) []candidate {
	if len(words) == 0 {
		words = []string{""}
	}
	last := strings.TrimLeft(words[len(words)-1], `'"`)
	var pending *kong.Flag // waits for its value
	var positional int
	onlyPositional := false
	for _, word := range words[:len(words)-1] {
		switch child := childOf(node, word); {
		case pending != nil:
			pending = nil
		case onlyPositional:
			positional++
		case word == "--":
			onlyPositional = true
		case strings.HasPrefix(word, "-") && word != "-":
			if flag := flagOf(node, word); flag != nil && !flag.IsBool() && !strings.Contains(word, "=") {
				pending = flag
			}
		case child != nil:
			node, positional = child, 0
		default:
			positional++
		}
	}
	name, value, assigns := strings.Cut(last, "=")
	switch {
	case pending != nil:
		return matching(valuesOf(pending.Value), last)
	case !onlyPositional && strings.HasPrefix(last, "--") && assigns:
		flag := flagOf(node, name)
		if flag == nil {
			return nil
		}
		found := matching(valuesOf(flag.Value), value)
		for i := range found {
			if whole && !found[i].isDirective() {
				found[i].text = name + "=" + found[i].text
			}
		}
		return found
	case !onlyPositional && strings.HasPrefix(last, "-"):
		return matching(flagsOf(node), last)
	}
	var all []candidate
	for _, child := range node.Children {
		if !child.Hidden && positional == 0 { // behind a word that is no command there is none
			all = append(all, candidate{child.Name, child.Help})
		}
	}
	if len(node.Positional) > 0 {
		at := node.Positional[min(positional, len(node.Positional)-1)]
		if positional < len(node.Positional) || at.IsCumulative() {
			all = append(all, valuesOf(at)...)
		}
	}
	return matching(all, last)
}

// matching returns those that begin with what is there already.
func matching(all []candidate, beginning string) []candidate {
	return slices.DeleteFunc(all, func(c candidate) bool { return !c.isDirective() && !strings.HasPrefix(c.text, beginning) })
}

func childOf(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// flagOf returns the flag of a word, which may have its value with it; nil if there is none. Of several short ones it is the last.
func flagOf(node *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			if name == "--"+flag.Name || flag.Short != 0 && !strings.HasPrefix(name, "--") && strings.HasSuffix(name, string(flag.Short)) {
				return flag
			}
		}
	}
	return nil
}

// flagsOf returns the flags of a command.
func flagsOf(node *kong.Node) (all []candidate) {
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			all = append(all, candidate{"--" + flag.Name, flag.Help})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
	return all
}
