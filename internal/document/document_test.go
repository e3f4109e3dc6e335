package document_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/internal/document"
)

func TestBlocksShowFiles(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"a.txt": "one\ntwo\n",
		"x.go":  "package x\n\nfunc Example_b() {\n\tif true {\n\t\tprint(1)\n\t}\n\t// Output: 1\n}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o600))
	}
	const text = "T\n\n<!-- a.txt -->\n```text\nold\n```\n\n```go\nfree\n```\n<!-- x.go#Example_b -->\n```go\n```\n<!-- a remark -->\n"
	filled, shown, err := document.Fill(text, root)
	require.NoError(t, err)
	require.Equal(t, []string{"a.txt", "x.go#Example_b"}, shown)
	want := "T\n\n<!-- a.txt -->\n```text\none\ntwo\n```\n\n```go\nfree\n```\n<!-- x.go#Example_b -->\n```go\nif true {\n\tprint(1)\n}\n```\n<!-- a remark -->\n"
	require.Equal(t, want, filled)
	again, _, err := document.Fill(filled, root)
	require.NoError(t, err)
	require.Equal(t, want, again)

	_, _, err = document.Fill("<!-- none.txt -->\n```\n```\n", root)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, _, err = document.Fill("<!-- x.go#Example_c -->\n```\n```\n", root)
	require.EqualError(t, err, "document: x.go has no function Example_c")
}
