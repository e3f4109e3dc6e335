package tracing_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheDocumentShowsTheExample keeps the code in docs/traces.md the code that runs.
func TestTheDocumentShowsTheExample(t *testing.T) {
	document, err := os.ReadFile("../docs/traces.md")
	require.NoError(t, err)
	source, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	_, body, ok := strings.Cut(string(source), "func Example() {\n")
	require.True(t, ok)
	body = strings.TrimSuffix(body, "}\n")
	body = strings.ReplaceAll(strings.TrimPrefix(body, "\t"), "\n\t", "\n")
	require.Contains(t, string(document), "```go\n"+body+"```")
}
