package main_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	program "github.com/daemoneye/eventbus/cmd/eventbus"
)

// everyCommand returns the program, and each command of it that is not hidden.
func everyCommand(t *testing.T) (*kong.Kong, []*kong.Node) {
	t.Helper()
	parser, err := program.Parser()
	require.NoError(t, err)
	nodes := []*kong.Node{parser.Model.Node}
	for i := 0; i < len(nodes); i++ {
		for _, child := range nodes[i].Children {
			if !child.Hidden {
				nodes = append(nodes, child)
			}
		}
	}
	require.Greater(t, len(nodes), 10)
	return parser, nodes
}

// detail returns what the help of a command says beside its flags.
func detail(node *kong.Node) string { return node.Help + "\n\n" + node.Detail }

// examples returns the command lines of the program in the help of a command.
func examples(node *kong.Node) (lines []string) {
	for line := range strings.Lines(detail(node)) {
		line = strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "Example: ")
		if at := strings.Index(line, "eventbus "); at >= 0 && (at == 0 || strings.HasPrefix(line, "    ")) {
			lines = append(lines, line)
		}
	}
	return lines
}

// Every command has an example of itself and its exit codes in its help, and every example is a command line that can be.
func TestEveryCommandHasExamplesThatAreRight(t *testing.T) {
	_, nodes := everyCommand(t)
	for _, node := range nodes {
		require.Contains(t, detail(node), "Exit codes: ", node.FullPath())
		own := 0
		for _, line := range examples(node) {
			for _, words := range commandLines(t, line) {
				if words[0] != "eventbus" {
					continue
				}
				if strings.HasPrefix(strings.Join(words, " "), node.FullPath()) {
					own++
				}
				parser, err := program.Parser() // another one, since it keeps what it has read
				require.NoError(t, err)
				_, err = parser.Parse(words[1:])
				require.NoError(t, err, line)
			}
		}
		require.Positive(t, own, "%s has no example", node.FullPath())
	}
}

var errQuote = errors.New("a quote has no end")

// commandLines takes a line of a shell apart: each command of it, in words.
func commandLines(t *testing.T, line string) (commands [][]string) {
	t.Helper()
	words, word, begun := []string{}, "", false
	end := func() {
		if begun {
			words, word, begun = append(words, word), "", false
		}
	}
	next := func() {
		end()
		if len(words) > 0 {
			commands = append(commands, words)
			words = []string{}
		}
	}
	for len(line) > 0 {
		c, size := utf8.DecodeRuneInString(line)
		line = line[size:]
		switch c {
		case ' ':
			end()
		case '\'':
			text, rest, ok := strings.Cut(line, "'")
			if !ok {
				require.NoError(t, errQuote, line)
			}
			word, line, begun = word+text, rest, true
		case '|', '(', ')', ';':
			next()
		case '<', '>': // and what it is from or to
			next()
			line = strings.TrimLeft(line, " (")
			if !strings.HasPrefix(line, "eventbus") {
				_, line, _ = strings.Cut(line, " ")
			}
		case '#':
			if !begun {
				next()
				return commands
			}
			word += "#"
		default:
			word, begun = word+string(c), true
		}
	}
	next()
	for i, words := range commands {
		for len(words) > 1 && strings.Contains(words[0], "=") { // variables
			words = words[1:]
		}
		commands[i] = words
	}
	return commands
}

// TestManualPagesAreWellFormed: every request is one that man knows, what begins ends, nothing of a text is a request or an escape that was
// not meant, and each command and flag is there.
func TestManualPagesAreWellFormed(t *testing.T) {
	_, nodes := everyCommand(t)
	for _, node := range nodes {
		page := program.ManPage(node)
		open := map[string]int{}
		for line := range strings.Lines(page) {
			line = strings.TrimSuffix(line, "\n")
			require.NotEmpty(t, strings.TrimSpace(line), "%s: a blank line", node.FullPath())
			for _, r := range line {
				require.True(t, r >= ' ' && r <= '~', "%s: %q", node.FullPath(), line)
			}
			checkEscapes(t, line)
			require.False(t, strings.HasPrefix(line, "'"), line)
			if !strings.HasPrefix(line, ".") {
				continue
			}
			request, _, _ := strings.Cut(line[1:], " ")
			require.Contains(t, []string{"TH", "SH", "SS", "PP", "TP", "B", "BR", "RS", "RE", "nf", "fi", "nh", "ad"}, request, line)
			require.Zero(t, strings.Count(line, `"`)%2, line)
			switch request {
			case "RS", "nf":
				open[request]++
			case "RE":
				open["RS"]--
			case "fi":
				open["nf"]--
			}
			require.True(t, open["RS"] >= 0 && open["nf"] >= 0, line)
		}
		require.Zero(t, open["RS"]+open["nf"], node.FullPath())
		for _, name := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"} {
			require.Contains(t, page, `.SH "`+name+`"`+"\n", node.FullPath())
		}
		plain := strings.NewReplacer(`\-`, "-", `\(dq`, `"`, `\(aq`, "'").Replace(page)
		for _, flags := range node.AllFlags(true) {
			for _, flag := range flags {
				require.Contains(t, plain, "\n.B \""+flag.String()+"\"\n", node.FullPath())
			}
		}
		for _, argument := range node.Positional {
			require.Contains(t, plain, "\n.B \""+argument.Summary()+"\"\n")
		}
		for _, child := range node.Children {
			if !child.Hidden {
				require.Contains(t, plain, "\n.B \""+child.FullPath()+"\"\n")
			}
		}
	}
}

// checkEscapes requires that each backslash begins one of the escapes that are used.
func checkEscapes(t *testing.T, line string) {
	t.Helper()
	for rest := line; ; {
		_, escape, found := strings.Cut(rest, `\`)
		if !found {
			return
		}
		known := false
		for _, one := range []string{"e", "-", "&", "(aq", "(ga", "(ha", "(ti", "(dq", "[u"} {
			if after, ok := strings.CutPrefix(escape, one); ok {
				rest, known = after, true
				break
			}
		}
		require.True(t, known, line)
	}
}

func TestRoffEscapes(t *testing.T) {
	for text, want := range map[string]string{
		"a-b": `a\-b`, ".TH": `\&.TH`, "'a'": `\(aqa\(aq`, `a\b`: `a\eb`, "…": `\[u2026]`, "`^~": `\(ga\(ha\(ti`, "plain": "plain",
	} {
		require.Equal(t, want, program.EscapeRoff(text))
	}
}

// Every flag and command can be completed.
func TestEveryFlagIsCompleted(t *testing.T) {
	parser, nodes := everyCommand(t)
	for _, node := range nodes {
		path := strings.Fields(node.FullPath())[1:]
		found := program.Complete(parser, append(path, "--"))
		for _, flags := range node.AllFlags(true) {
			for _, flag := range flags {
				require.Contains(t, found, "--"+flag.Name)
				if flag.Enum != "" {
					values := program.Complete(parser, append(path, "--"+flag.Name, ""))
					require.NotEmpty(t, values)
					require.NotContains(t, values, "")
					require.NotContains(t, flag.EnumSlice(), "", flag.Name) // it would be shown among them
				}
			}
		}
		found = program.Complete(parser, append(path, ""))
		for _, child := range node.Children {
			require.Equal(t, !child.Hidden, slices.Contains(found, child.Name), child.Name)
		}
	}
}
