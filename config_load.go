package eventbus

import (
	"errors"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
)

// tableName is the top-level table of a [Config].
const tableName = "event_bus"

// maxProblems is how many problems Load reports one by one.
const maxProblems = 20

// Section is a further top-level table of the file that the host program owns, such as [collect].
type Section struct {
	// Name is the name of the table: lower-case letters, digits and single underscores. It must not be event_bus, a key of
	// it, or a table of the design that this replaces.
	Name string
	// Into points to a struct, whose fields' toml tags are the keys; a field without a tag cannot be set. What the
	// configuration leaves out stays as it is. A field may be a string, a bool, a number, a [time.Duration], an
	// [encoding.TextUnmarshaler] such as [ByteSize], a slice of these, or a struct, which is a table.
	//
	// If Into has a method Validate() error, Load calls it. Errors that it joins are reported one by one, and a *ConfigError
	// without an origin gets that of its key, such as collect.interval.
	Into any
}

// Load reads a configuration from a TOML file and from the environment, which wins. With an empty path there is no file.
//
// # Environment
//
// EVENTBUS_ and the levels of the key, joined by two underscores: EVENTBUS_EVENT_BUS__NATS__LISTEN, and short for it
// EVENTBUS_NATS__LISTEN, since event_bus may be left out; EVENTBUS_COLLECT__INTERVAL for a key of the section collect. A list
// is separated by commas. An empty variable is an empty value, which a key that wants a number or a duration refuses.
//
// # Values
//
// A duration is a string such as "5s", a size a string such as "256KiB" or a number of bytes; neither may be negative. In
// [event_bus] a zero stands for the default, as it does in a [Config].
//
// # Errors
//
// Load returns every problem it finds, up to 20, joined, each a [*ConfigError] that names the key and the file's line or the
// variable: a key that does not exist, with the nearest that does, a value of another type, a value out of range, a syntax
// error, a file larger than 128 KiB. A missing file is an error too and matches [io/fs.ErrNotExist]. The sections are then as
// they were, the Config is zero, and the warnings found so far are returned.
//
// # Warnings
//
// Configurations of the design that this replaces still load; there is one [Warning] for each of their settings. If a key and
// its legacy name are both given, the key wins.
//
// Load may be called from any goroutine, but not with the same Into at once.
func Load(path string, sections ...Section) (Config, []Warning, error) {
	return load(path, os.Environ(), sections)
}

func load(path string, environ []string, sections []Section) (Config, []Warning, error) {
	if path == "" {
		return parse("", nil, environ, sections)
	}
	data, err := readFile(path)
	if err != nil {
		return Config{}, nil, err
	}
	return parse(path, data, environ, sections)
}

// parse does all of Load but to read the file.
func parse(name string, data []byte, environ []string, sections []Section) (Config, []Warning, error) {
	loaded, warnings, err := parseAll(name, data, environ, sections)
	if err != nil {
		return Config{}, warnings, err
	}
	return loaded.config.WithDefaults(), warnings, nil
}

// loaded is what a configuration says, and where it says it: the origin of each key that is set.
type loaded struct {
	config  Config
	origins map[string]string
}

// parseAll sets the sections, and returns the rest.
func parseAll(name string, data []byte, environ []string, sections []Section) (loaded, []Warning, error) {
	config := new(Config)
	roots, err := newRoots(config, sections)
	if err != nil {
		return loaded{}, nil, err
	}
	settings, err := parseFile(name, data)
	if err != nil {
		return loaded{}, nil, err
	}
	fromEnv, problems := parseEnv(environ, slices.Collect(maps.Keys(roots)))
	settings, warnings := modernize(override(settings, fromEnv))

	known, origins := newSchema(roots), make(map[string]string)
	refused := make(map[string]bool)
	for _, s := range settings {
		if len(problems) > maxProblems {
			break
		}
		origins[s.key()] = s.source.origin(s.path)
		// A table that does not exist is one problem, however many keys it has.
		if problem := known.set(s); problem != nil && !refused[problem.Key] {
			refused[problem.Key] = true
			problems = append(problems, problem)
		}
	}
	if len(problems) == 0 {
		problems = validate(roots, origins)
	}
	if len(problems) > maxProblems {
		problems = append(problems[:maxProblems], &ConfigError{Reason: "there are more problems than these"})
	}
	if len(problems) > 0 {
		return loaded{}, warnings, errors.Join(problems...)
	}
	for _, section := range sections {
		reflect.ValueOf(section.Into).Elem().Set(roots[section.Name].Elem())
	}
	return loaded{*config, origins}, warnings, nil
}

// setting is one value of a source.
type setting struct {
	path   []string
	value  any  // of the types that the TOML parser gives
	text   bool // value is text that stands for a value of any type
	source source
}

func (s setting) key() string { return dotted(s.path) }

// source is where settings come from. It speaks of paths in its own terms.
type source interface {
	// origin says where a path, or the table that it leads to, is given.
	origin(path []string) string
	// spell returns how to give a path.
	spell(path []string) string
}

// override returns the settings of both lists, less those of the first that are also in the second.
func override(settings, by []setting) []setting {
	given := make(map[string]bool)
	for _, s := range by {
		given[s.key()] = true
	}
	return append(slices.DeleteFunc(settings, func(s setting) bool { return given[s.key()] }), by...)
}

// newRoots returns a pointer to a struct for each top-level table: the config, and a copy of each section, so that nothing
// is changed if there is a problem.
func newRoots(config *Config, sections []Section) (map[string]reflect.Value, error) {
	roots := map[string]reflect.Value{tableName: reflect.ValueOf(config)}
	taken := newSchema(roots)
	for _, section := range sections {
		into := reflect.ValueOf(section.Into)
		_, key := taken[dotted([]string{tableName, section.Name})]
		_, twice := roots[section.Name]
		reason := ""
		switch {
		case !isSectionName(section.Name):
			reason = "a section's name must be lower-case letters, digits and single underscores"
		case key || twice || isLegacy([]string{section.Name}):
			reason = "the name of the section is taken"
		case into.Kind() != reflect.Pointer || into.IsNil() || into.Elem().Kind() != reflect.Struct:
			reason = "the section's Into must point to a struct"
		}
		if reason != "" {
			return nil, &ConfigError{Key: section.Name, Reason: reason}
		}
		scratch := reflect.New(into.Elem().Type())
		scratch.Elem().Set(into.Elem())
		roots[section.Name] = scratch
	}
	return roots, nil
}

// validate asks every root that can tell whether its values are good.
func validate(roots map[string]reflect.Value, origins map[string]string) []error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(roots)) {
		root, ok := reflect.TypeAssert[interface{ Validate() error }](roots[name])
		if !ok {
			continue
		}
		for _, err := range leaves(root.Validate()) {
			problem := ConfigError{Key: name, Reason: err.Error(), Err: err}
			if told, ok := errors.AsType[*ConfigError](err); ok {
				problem = *told // a copy: the error is the program's
			}
			if problem.Origin == "" {
				problem.Origin = origins[problem.Key]
			}
			problems = append(problems, &problem)
		}
	}
	return problems
}

// leaves takes joined errors apart.
func leaves(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, err := range joined.Unwrap() {
			all = append(all, leaves(err)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func isSectionName(name string) bool {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return name != "" && !strings.Contains(name, envSeparator)
}
