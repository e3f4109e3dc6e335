package eventbus

import (
	"slices"
	"strings"
)

const (
	envPrefix    = "EVENTBUS_"
	envSeparator = "__" // between levels; a single underscore is part of a name
)

// envSource is one environment variable as a source of settings.
type envSource string

func (e envSource) origin([]string) string { return string(e) }

// spell returns the variable for a path, without the level event_bus, which may be left out.
func (e envSource) spell(path []string) string {
	if len(path) > 1 && path[0] == tableName {
		path = path[1:]
	}
	return envPrefix + strings.ToUpper(strings.Join(path, envSeparator))
}

// parseEnv returns the settings of an environment, a list of NAME=value, in the order of the names. tables are the top-level
// tables; a variable that names none of them is one of [event_bus]. It also returns a [*ConfigError] for each key that two
// variables set.
func parseEnv(environ, tables []string) ([]setting, []error) {
	var settings []setting
	var problems []error
	first := make(map[string]string) // key -> variable
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, value, ok := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ok || !ours {
			continue
		}
		path := strings.Split(strings.ToLower(rest), envSeparator)
		if !slices.Contains(tables, path[0]) {
			path = append([]string{tableName}, path...)
		}
		s := setting{path: path, value: value, text: true, source: envSource(name)}
		if other, twice := first[s.key()]; twice {
			problems = append(problems, &ConfigError{Key: s.key(), Origin: name, Reason: "is also set by " + other})
			continue
		}
		first[s.key()] = name
		settings = append(settings, s)
	}
	return settings, problems
}
