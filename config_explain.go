package eventbus

import (
	"encoding"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/internal/natsurl"
)

// OriginDefault is the origin of a value that nothing has set.
const OriginDefault = "default"

// Value is one value of a configuration, as [Explain] returns it.
type Value struct {
	// Key is the dotted key, such as event_bus.queue_capacity.
	Key string `json:"key"`
	// Value is a bool, an int64, a uint64, a float64, a string, or a []any of these. Durations, sizes and policies are strings, as a file has
	// them. URLs of servers are without credentials.
	Value any `json:"value"`
	// Origin is where it comes from: [OriginDefault], file:line or the name of an environment variable.
	Origin string `json:"origin"`
}

// Explain returns each value that [Load] would find, with where it comes from: those of event_bus in the order of their fields, and then
// those of the sections. The environment is a list of NAME=value, as of [os.Environ]; with nil it is the file alone that counts. The sections
// are set as by Load, and so are warnings and errors.
func Explain(path string, environ []string, sections ...Section) ([]Value, []Warning, error) {
	var data []byte
	if path != "" {
		var err error
		if data, err = readFile(path); err != nil {
			return nil, nil, err
		}
	}
	loaded, warnings, err := parseAll(path, data, environ, sections)
	if err != nil {
		return nil, warnings, err
	}
	config := loaded.config.WithDefaults()
	values := explain(nil, []string{tableName}, reflect.ValueOf(&config).Elem(), loaded.origins)
	for _, section := range sections {
		values = explain(values, []string{section.Name}, reflect.ValueOf(section.Into).Elem(), loaded.origins)
	}
	return values, warnings, nil
}

// explain appends the values of a table.
func explain(values []Value, path []string, v reflect.Value, origins map[string]string) []Value {
	if isTable(v) {
		for name, field := range keys(v) {
			values = explain(values, append(slices.Clip(path), name), field, origins)
		}
		return values
	}
	value := Value{Key: dotted(path), Value: plainValue(v), Origin: OriginDefault}
	if origin, ok := origins[value.Key]; ok {
		value.Origin = origin
	}
	if text, ok := value.Value.(string); ok && text != "" && (value.Key == tableName+".nats.url" || value.Key == tableName+".nats.leaf.hub") {
		// They have been validated.
		shown, err := natsurl.Servers(text)
		if err != nil {
			shown = ""
		}
		value.Value = shown
	}
	return append(values, value)
}

// plainValue returns a value in the form of [Value].
func plainValue(v reflect.Value) any {
	if text, ok := reflect.TypeAssert[encoding.TextMarshaler](v); ok {
		if encoded, err := text.MarshalText(); err == nil {
			return string(encoded)
		}
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return shortDuration(time.Duration(v.Int()))
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return v.Uint()
	case v.CanFloat():
		return v.Float()
	case v.Kind() == reflect.Bool:
		return v.Bool()
	case v.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plainValue(v.Index(i))
		}
		return list
	}
	return v.String()
}

// shortDuration writes 1m and not 1m0s, as people do.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
