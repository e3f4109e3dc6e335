package interop_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/document"
)

// go test . -run TestDocument -update writes the programs and the roles into docs/clients.md.
var update = flag.Bool("update", false, "write what docs/clients.md takes from elsewhere")

const documentPath = "../docs/clients.md"

var roles = regexp.MustCompile(`(?s)<!-- roles -->\n(.*?)<!-- end -->\n`)

// The document shows the programs that run here, all of them, and the roles that a server has.
func TestDocument(t *testing.T) {
	before, err := os.ReadFile(documentPath)
	require.NoError(t, err)
	after, files, err := document.Fill(string(before), "..")
	require.NoError(t, err)
	require.Regexp(t, roles, after)
	after = roles.ReplaceAllLiteralString(after, "<!-- roles -->\n"+roleTable(t)+"<!-- end -->\n")
	if *update {
		require.NoError(t, os.WriteFile(documentPath, []byte(after), 0o644))
	} else {
		require.True(t, after == string(before), "%s is not current: go test . -run TestDocument -update writes it", documentPath)
	}
	require.ElementsMatch(t, programs(t), files)
}

// programs returns the files that the document has to show: all but those of the tests of the page and the shells.
func programs(t *testing.T) (files []string) {
	files = []string{"interop/python/requirements.txt", "interop/node/package.json"}
	err := fs.WalkDir(sources{os.DirFS(".")}, ".", func(name string, entry fs.DirEntry, err error) error {
		if dir := path.Dir(name); err == nil && !slices.Contains([]string{".", "page", "shell"}, dir) && slices.Contains([]string{".py", ".mjs", ".sh", ".go"}, path.Ext(name)) {
			files = append(files, "interop/"+name)
		}
		return err
	})
	require.NoError(t, err)
	return files
}

// roleTable returns the table of the roles, with what the roles of the domains have in common below it.
func roleTable(t *testing.T) string {
	all := make(map[string]embed.Role)
	for _, role := range embed.Roles() {
		all[role.Name] = role
	}
	domains := []string{"process", "network", "filesystem", "performance"}
	first := all[domains[0]]
	reports := slices.DeleteFunc(slices.Clone(first.Publish), func(topic string) bool { return !slices.Contains(all[domains[1]].Publish, topic) })
	orders := replaceAll(first.Subscribe, first.Name, "NAME")

	var b strings.Builder
	b.WriteString("| role | publishes | reads | asks on |\n|---|---|---|---|\n")
	row := func(name, publishes, reads string) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, publishes, reads, list(all[name].Request))
	}
	for _, name := range []string{embed.Observer, embed.Agent} {
		row(name, list(all[name].Publish), list(all[name].Subscribe))
	}
	var publish, subscribe []string
	for _, name := range domains {
		role := all[name]
		own := slices.DeleteFunc(slices.Clone(role.Publish), func(topic string) bool { return slices.Contains(reports, topic) })
		require.Len(t, role.Publish, len(own)+len(reports), "every domain has the same reports")
		require.Equal(t, orders, replaceAll(role.Subscribe, name, "NAME"), "every domain has the same orders")
		row(name, list(own)+" and *reports*", "*orders*")
		publish, subscribe = append(publish, role.Publish...), append(subscribe, role.Subscribe...)
	}
	require.ElementsMatch(t, unique(publish), all[embed.Collector].Publish)
	require.ElementsMatch(t, unique(subscribe), all[embed.Collector].Subscribe)
	row(embed.Collector, "what these four publish", "what these four read")
	row(embed.Trusted, list(all[embed.Trusted].Publish), list(all[embed.Trusted].Subscribe))
	require.Len(t, all, len(domains)+4)
	fmt.Fprintf(&b, "\n- *reports*: %s\n- *orders*: %s; NAME is the role's\n- `%s` has no credential unless somebody makes one\n", list(reports), list(orders), embed.Trusted)
	return b.String()
}

func unique(texts []string) []string { return slices.Compact(slices.Sorted(slices.Values(texts))) }

func replaceAll(texts []string, from, to string) (replaced []string) {
	for _, text := range texts {
		replaced = append(replaced, strings.ReplaceAll(text, from, to))
	}
	return replaced
}

// list returns patterns as NATS writes them, those that differ in their last segment alone in one.
func list(patterns []string) string {
	var prefixes []string
	last := make(map[string][]string)
	for _, pattern := range patterns {
		pattern = strings.NewReplacer("#", ">", "+", "*").Replace(pattern)
		cut := strings.LastIndexByte(pattern, '.') + 1
		if _, known := last[pattern[:cut]]; !known {
			prefixes = append(prefixes, pattern[:cut])
		}
		last[pattern[:cut]] = append(last[pattern[:cut]], pattern[cut:])
	}
	var texts []string
	for _, prefix := range prefixes {
		if names := last[prefix]; len(names) == 1 {
			texts = append(texts, "`"+prefix+names[0]+"`")
		} else {
			texts = append(texts, "`"+prefix+"{"+strings.Join(names, ",")+"}`")
		}
	}
	switch {
	case len(texts) == 0:
		return "nothing"
	case slices.Equal(patterns, []string{"#"}):
		return "everything"
	}
	return strings.Join(texts, ", ")
}
