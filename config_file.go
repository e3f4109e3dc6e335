package eventbus

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

const (
	// maxFileSize is in bytes. The parser looks for duplicates among all keys, which takes a second for 100 KiB of the shortest
	// and grows with the square.
	maxFileSize = 128 << 10
	// maxDepth bounds the descent into tables: a file of dots alone nests half a million of them.
	maxDepth = 8
)

// fileSource is a TOML file as a source of settings.
//
// It uses the TOML parser directly. A configuration library on top of it, such as koanf, merges plain maps: the line and the
// variable that a message has to name are gone by then, and what is left for it to do is less than the code to talk to it.
type fileSource struct {
	name string
	// lines has the line on which each key, and each table that leads to it, is first seen.
	lines map[string]int
}

func (f *fileSource) origin(path []string) string {
	for n := len(path); n > 0; n-- {
		// Keys in an inline table have no line of their own: theirs is its.
		if line, ok := f.lines[dotted(path[:n])]; ok {
			return f.name + ":" + strconv.Itoa(line)
		}
	}
	return f.name
}

func (f *fileSource) spell(path []string) string { return dotted(path) }

// readFile reads a file of at most maxFileSize.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &ConfigError{Reason: err.Error(), Err: err}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, &ConfigError{Reason: err.Error(), Err: err}
	}
	if len(data) > maxFileSize {
		return nil, &ConfigError{Origin: path, Reason: fmt.Sprintf("is larger than %v", ByteSize(maxFileSize))}
	}
	return data, nil
}

// parseFile returns the settings of a TOML document in the order of their lines.
func parseFile(name string, data []byte) ([]setting, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // the mark that some editors put first
	var tree map[string]any
	if err := toml.Unmarshal(data, &tree); err != nil {
		problem := &ConfigError{Origin: name, Reason: printable(shorten(strings.TrimPrefix(err.Error(), "toml: "))), Err: err}
		if syntax, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, column := syntax.Position()
			problem.Origin = fmt.Sprintf("%s:%d:%d", name, line, column)
		}
		return nil, problem
	}
	source := &fileSource{name: name, lines: lines(data)}
	settings := flatten(nil, nil, tree, source)
	slices.SortFunc(settings, func(a, b setting) int {
		return cmp.Or(cmp.Compare(source.lines[dotted(a.path)], source.lines[dotted(b.path)]), slices.Compare(a.path, b.path))
	})
	return settings, nil
}

// flatten appends the leaves of a table: values, empty tables, and the tables that a legacy key has for a value.
func flatten(settings []setting, path []string, table map[string]any, source source) []setting {
	for name, value := range table {
		path := append(slices.Clip(path), name)
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 && len(path) < maxDepth && !isLegacyValue(path) {
			settings = flatten(settings, path, inner, source)
			continue
		}
		settings = append(settings, setting{path: path, value: value, source: source})
	}
	return settings
}

// lines returns the line of each key of a document that has been found valid. This is all that the parser's unstable package
// is used for: should that change, messages are what suffers.
func lines(data []byte) map[string]int {
	found := make(map[string]int)
	var table []string
	line, counted := 1, 0 // the line at offset counted
	var parser unstable.Parser
	parser.Reset(data)
	for parser.NextExpression() {
		expression := parser.Expression()
		path := table
		if expression.Kind != unstable.KeyValue {
			path = nil
		}
		for key := expression.Key(); key.Next(); {
			offset := int(key.Node().Raw.Offset)
			line += bytes.Count(data[counted:offset], []byte("\n"))
			counted = offset
			if len(path) < maxDepth {
				path = append(slices.Clip(path), string(key.Node().Data))
			}
		}
		if expression.Kind != unstable.KeyValue {
			table = path
		}
		for n := range path {
			if key := dotted(path[:n+1]); found[key] == 0 {
				found[key] = line
			}
		}
	}
	return found
}

// dotted spells a path as TOML does: a name that is not a bare key is quoted, so that no two paths look alike.
func dotted(path []string) string {
	var b strings.Builder
	for i, name := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		if isBare(name) {
			b.WriteString(name)
		} else {
			b.WriteString(strconv.Quote(name))
		}
	}
	return b.String()
}

func isBare(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' {
			return false
		}
	}
	return name != ""
}
