package eventbus

import (
	"errors"
	"reflect"
	"strings"
)

// Values returns each value of a configuration and of sections that a program holds, as [Explain] does, without origins.
func Values(config Config, sections ...Section) []Value {
	config = config.WithDefaults()
	values := explain(nil, []string{tableName}, reflect.ValueOf(&config).Elem(), nil)
	for _, section := range sections {
		values = explain(values, []string{section.Name}, reflect.ValueOf(section.Into).Elem(), nil)
	}
	for i := range values {
		values[i].Origin = ""
	}
	return values
}

// Set sets one value of a configuration or of its sections by its dotted key, such as event_bus.overflow, and validates all of them. value has
// a form of [Value]: that of JSON, with whole numbers as int64. Legacy keys are not known.
//
// It returns a [*ConfigError] for each problem, joined, and has then changed nothing.
func Set(config *Config, key string, value any, sections ...Section) error {
	changed := *config
	roots, err := newRoots(&changed, sections)
	if err != nil {
		return err
	}
	if problem := newSchema(roots).set(setting{path: strings.Split(key, "."), value: value, source: noSource{}}); problem != nil {
		return problem
	}
	if problems := validate(roots, nil); len(problems) > 0 {
		return errors.Join(problems...)
	}
	*config = changed.WithDefaults()
	for _, section := range sections {
		reflect.ValueOf(section.Into).Elem().Set(roots[section.Name].Elem())
	}
	return nil
}

// noSource is where values come from that a program sets itself.
type noSource struct{}

func (noSource) origin([]string) string     { return "" }
func (noSource) spell(path []string) string { return dotted(path) }
