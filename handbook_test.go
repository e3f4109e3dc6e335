package eventbus_test

import (
	"flag"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/document"
)

// go test . -run TestHandbook -update writes the files that the handbook shows into it.
var update = flag.Bool("update", false, "write what the handbook takes from elsewhere")

var (
	// link is a link to another file, with the heading that it may lead to.
	link       = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	codeBlocks = regexp.MustCompile("(?s)```.*?```|`[^`]*`")
)

// TestHandbook keeps the code in the handbook the code that runs, its links and those of the README good, and each of the examples in it.
func TestHandbook(t *testing.T) {
	handbook, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	index, err := os.ReadFile("docs/README.md")
	require.NoError(t, err)
	var all strings.Builder
	for _, page := range append(handbook, "README.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		page = filepath.ToSlash(page)
		before, err := os.ReadFile(page)
		require.NoError(t, err)
		after, _, err := document.Fill(string(before), ".")
		require.NoError(t, err, page)
		all.WriteString(after)
		if *update {
			require.NoError(t, os.WriteFile(page, []byte(after), 0o644))
		}
		require.True(t, *update || after == string(before), "%s is not current: go test . -run TestHandbook -update writes it", page)
		require.True(t, path.Base(page) == page || page == "docs/README.md" || strings.Contains(string(index), "("+path.Base(page)+")"),
			"the index leaves out %s", page)
		for _, match := range link.FindAllStringSubmatch(codeBlocks.ReplaceAllString(after, ""), -1) {
			target := page
			if match[1] != "" {
				target = path.Join(path.Dir(page), match[1])
			}
			if match[2] == "" {
				require.NoError(t, statOf(target), "%s links to %s", page, match[0])
				continue
			}
			content, err := os.ReadFile(target)
			require.NoError(t, err, "%s links to %s", page, match[0])
			require.Contains(t, anchors(string(content)), match[2], "%s links to %s", page, match[0])
		}
	}
	examples, err := filepath.Glob("examples/*/main.go")
	require.NoError(t, err)
	for _, example := range examples {
		require.Contains(t, all.String(), filepath.ToSlash(example))
	}
}

func statOf(path string) error {
	_, err := os.Stat(path)
	return err
}

var heading = regexp.MustCompile(`(?m)^#+ (.*)$`)

// anchors returns where links into a document may lead, as GitHub makes them of headings.
func anchors(document string) (names []string) {
	for _, match := range heading.FindAllStringSubmatch(document, -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
				return r
			}
			return -1
		}, strings.ToLower(match[1]))
		names = append(names, "#"+name)
	}
	return names
}
