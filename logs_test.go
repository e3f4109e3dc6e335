package eventbus_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// logMethods are the methods of a [slog.Logger] that log, with the place of the message among their arguments.
var logMethods = map[string]int{
	"Debug": 0, "Info": 0, "Warn": 0, "Error": 0,
	"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
	"Log": 2, "LogAttrs": 2,
}

// logMessage is what the source says about a message, or the document.
type logMessage struct{ levels, keys map[string]bool }

func newLogMessage() *logMessage {
	return &logMessage{levels: map[string]bool{}, keys: map[string]bool{}}
}

func (m *logMessage) String() string {
	return fmt.Sprintf("%s: %s", strings.Join(slices.Sorted(maps.Keys(m.levels)), ", "), strings.Join(slices.Sorted(maps.Keys(m.keys)), ", "))
}

// logSource is what the source logs.
type logSource struct {
	messages map[string]*logMessage
	common   map[string]bool // the keys of With
	wrong    []string        // places that break a rule
}

// TestDocumentOfTheLog compares docs/logs.md with every call of slog in this module.
func TestDocumentOfTheLog(t *testing.T) {
	source := logSource{messages: map[string]*logMessage{}, common: map[string]bool{}}
	files := token.NewFileSet()
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (path == "benchmarks" || path == "interop" || entry.Name() == "testdata" || len(path) > 1 && path[0] == '.'):
			return fs.SkipDir // other modules, and no programs
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range file.Decls {
			source.read(files, declaration)
		}
		return nil
	}))
	require.Empty(t, source.wrong, "a message is a constant, and so are the keys: see docs/logs.md")
	require.Greater(t, len(source.messages), 30)

	messages, keys := readLogDocument(t)
	require.Empty(t, without(source.messages, messages), "what the source logs, and docs/logs.md does not have so")
	require.Empty(t, without(messages, source.messages), "what docs/logs.md has, and the source does not log so")
	used := source.common
	for _, m := range source.messages {
		maps.Copy(used, m.keys)
	}
	require.Equal(t, slices.Sorted(maps.Keys(used)), slices.Sorted(slices.Values(keys)), "the keys that docs/logs.md explains")
	for key := range used {
		require.Regexp(t, `^[a-z][a-z0-9]*(_[a-z0-9]+)*$`, key)
	}
}

// without returns the messages that others do not have with the same levels and keys.
func without(messages, others map[string]*logMessage) (lines []string) {
	for message, m := range messages {
		if other := others[message]; other == nil || other.String() != m.String() {
			lines = append(lines, message+": "+m.String())
		}
	}
	return lines
}

// read finds the calls of slog in a declaration.
func (s *logSource) read(files *token.FileSet, declaration ast.Decl) {
	ast.Inspect(declaration, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		name, receiver := method.Sel.Name, lastName(method.X)
		wrong := func(reason string) {
			s.wrong = append(s.wrong, fmt.Sprintf("%s: %s.%s: %s", files.Position(call.Pos()), receiver, name, reason))
		}
		if name == "With" && strings.HasSuffix(strings.ToLower(receiver), "logger") {
			s.common = keysOf(call.Args, call.Ellipsis.IsValid(), declaration, wrong, s.common)
			return true
		}
		if name == "NewLogLogger" {
			wrong("what goes through it are no constant messages")
		}
		at, logs := logMethods[name]
		if !logs || slices.Contains([]string{"http", "require", "t"}, receiver) { // http.Error, and what helpers of tests say
			return true
		}
		if len(call.Args) <= at {
			wrong("no message")
			return true
		}
		message, ok := constant(call.Args[at])
		if !ok {
			wrong("its message is no constant")
			return true
		}
		m := s.messages[message]
		if m == nil {
			m = newLogMessage()
			s.messages[message] = m
		}
		m.levels[levelOf(name, call)] = true
		m.keys = keysOf(call.Args[at+1:], call.Ellipsis.IsValid(), declaration, wrong, m.keys)
		return true
	})
}

// lastName returns the name in front of the method: logger in a.b.logger.Info.
func lastName(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return "?"
}

// constant returns the text of a literal.
func constant(x ast.Expr) (string, bool) {
	literal, ok := x.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

// levelOf returns the level as slog writes it, and "any" where it is computed.
func levelOf(method string, call *ast.CallExpr) string {
	if level, ok := strings.CutPrefix(method, "Log"); !ok {
		return strings.ToUpper(strings.TrimSuffix(method, "Context"))
	} else if level != "" && level != "Attrs" {
		return "?"
	}
	if level, ok := call.Args[1].(*ast.SelectorExpr); ok && strings.HasPrefix(level.Sel.Name, "Level") {
		return strings.ToUpper(strings.TrimPrefix(level.Sel.Name, "Level"))
	}
	return "any"
}

// keysOf adds the keys of a call's attributes. Those of a slice are those that the same declaration makes with slog.String and the like.
func keysOf(args []ast.Expr, slice bool, declaration ast.Decl, wrong func(string), keys map[string]bool) map[string]bool {
	if slice {
		ast.Inspect(declaration, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && isAttribute(call) {
				keys = keysOf([]ast.Expr{call}, false, declaration, wrong, keys)
			}
			return true
		})
		args = args[:len(args)-1]
	}
	for i := 0; i < len(args); i++ {
		if call, ok := args[i].(*ast.CallExpr); ok && isAttribute(call) {
			key, ok := constant(call.Args[0])
			if !ok {
				wrong("a key is no constant")
			}
			keys[key] = true
			continue
		}
		key, ok := constant(args[i])
		if !ok {
			wrong("a key is no constant")
		}
		keys[key] = true
		i++ // the value
	}
	return keys
}

// isAttribute reports whether a call makes an attribute: slog.String, slog.Group.
func isAttribute(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || lastName(method.X) != "slog" || len(call.Args) < 2 {
		return false
	}
	return slices.Contains([]string{"Any", "Bool", "Duration", "Float64", "Group", "Int", "Int64", "String", "Time", "Uint64"}, method.Sel.Name)
}

var (
	logRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([A-Za-z, ]+) \\|([^|]*)\\|[^|]*\\|$")
	keyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\|$")
	code   = regexp.MustCompile("`([^`]+)`")
)

// readLogDocument returns the messages and the keys of docs/logs.md.
func readLogDocument(t *testing.T) (messages map[string]*logMessage, keys []string) {
	text, err := os.ReadFile("docs/logs.md")
	require.NoError(t, err)
	messages = map[string]*logMessage{}
	for _, row := range logRow.FindAllStringSubmatch(string(text), -1) {
		require.NotContains(t, messages, row[1], "twice in docs/logs.md")
		m := newLogMessage()
		for level := range strings.SplitSeq(row[2], ", ") {
			m.levels[level] = true
		}
		for _, key := range code.FindAllStringSubmatch(row[3], -1) {
			m.keys[key[1]] = true
		}
		messages[row[1]] = m
	}
	for _, row := range keyRow.FindAllStringSubmatch(string(text), -1) {
		keys = append(keys, row[1])
	}
	return messages, keys
}
