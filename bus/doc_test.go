package bus_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPromisesNameTheirTests checks that every test that the package documentation names is there.
func TestPromisesNameTheirTests(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	named := regexp.MustCompile(`\b(?:Test[A-Z]\w+|line\d\d/\w+)`).FindAllString(string(doc), -1)
	require.Greater(t, len(named), 30)
	there := make(map[string]bool)
	test := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	contractCase := regexp.MustCompile(`(?m)^\t\{(\d+), "(\w+)",`)
	root := os.DirFS("..")
	require.NoError(t, fs.WalkDir(root, ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		source, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		for _, m := range test.FindAllStringSubmatch(string(source), -1) {
			there[m[1]] = true
		}
		for _, m := range contractCase.FindAllStringSubmatch(string(source), -1) {
			there["line"+strings.Repeat("0", 2-len(m[1]))+m[1]+"/"+m[2]] = true
		}
		return nil
	}))
	for _, name := range named {
		require.True(t, there[name], "there is no test %s", name)
	}
}
