// Package document keeps what documents show the same as the files that run. It is for tests.
//
// # Use
//
// A marker in front of a code block says what the block shows, as a path from the document's repository:
//
//	<!-- examples/embedded/main.go -->
//	```go
//	…
//	```
//
// For a file of Go, a function behind # is its body alone, without what it says about its output: example_test.go#Example.
//
// The functions may be called from any goroutine.
package document

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var block = regexp.MustCompile("(?s)<!-- (\\S+\\.\\S+) -->\n```(\\w*)\n(.*?)```\n")

// Fill returns a document whose marked blocks show what their markers say, and these in their order. root is the repository.
func Fill(text, root string) (filled string, shown []string, err error) {
	filled = block.ReplaceAllStringFunc(text, func(match string) string {
		parts := block.FindStringSubmatch(match)
		content, readErr := read(root, parts[1])
		if readErr != nil && err == nil {
			err = fmt.Errorf("document: %w", readErr)
		}
		shown = append(shown, parts[1])
		return fmt.Sprintf("<!-- %s -->\n```%s\n%s```\n", parts[1], parts[2], content)
	})
	return filled, shown, err
}

func read(root, name string) (string, error) {
	path, function, part := strings.Cut(name, "#")
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil || !part {
		return string(content), err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, content, parser.ParseComments)
	if err != nil {
		return "", err
	}
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == function && f.Body != nil {
			body := string(content[files.Position(f.Body.Lbrace).Offset+1 : files.Position(f.Body.Rbrace).Offset])
			body, _, _ = strings.Cut(body, "\t// Output:")
			return strings.ReplaceAll(strings.TrimPrefix(body, "\n\t"), "\n\t", "\n"), nil
		}
	}
	return "", fmt.Errorf("%s has no function %s", path, function)
}
