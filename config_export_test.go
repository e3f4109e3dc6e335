package eventbus

import (
	"maps"
	"reflect"
	"slices"
)

// LoadFrom is Load with an environment of the test's own, so that tests can run in parallel.
var LoadFrom = load

// Parse is LoadFrom for a document that is in no file.
var Parse = parse

// MaxFileSize is the size of the largest file that Load reads.
const MaxFileSize = maxFileSize

// Keys returns the dotted path of every key and table of a Config.
func Keys() []string {
	roots := map[string]reflect.Value{tableName: reflect.ValueOf(new(Config))}
	return slices.Sorted(maps.Keys(newSchema(roots)))
}
