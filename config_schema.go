package eventbus

import (
	"encoding"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/bus"
)

// schema has every key that can be set, and every table that leads to one, by its dotted path.
type schema map[string]reflect.Value

func newSchema(roots map[string]reflect.Value) schema {
	known := make(schema)
	for name, root := range roots {
		known.add([]string{name}, root.Elem())
	}
	return known
}

func (k schema) add(path []string, v reflect.Value) {
	k[dotted(path)] = v
	if !isTable(v) {
		return
	}
	for name, value := range keys(v) {
		k.add(append(slices.Clip(path), name), value)
	}
}

// keys returns an iterator over what can be set in a table, in the order of its fields.
func keys(table reflect.Value) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		for field, value := range table.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
			if name != "" && name != "-" && field.IsExported() && !yield(name, value) {
				return
			}
		}
	}
}

// isTable says whether a value is set key by key.
func isTable(v reflect.Value) bool {
	_, isText := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr())
	return v.Kind() == reflect.Struct && !isText
}

// set sets what the setting's path leads to, and returns what is wrong with the path or the value.
func (k schema) set(s setting) *ConfigError {
	for n := range s.path {
		path := s.path[:n+1]
		problem := &ConfigError{Key: dotted(path), Origin: s.source.origin(path)}
		v, known := k[problem.Key]
		if !known {
			// The value is not shown: who knows what it was meant for.
			problem.Reason = "unknown key"
			if near := k.nearest(path); near != nil {
				problem.Reason += ", did you mean " + s.source.spell(near) + "?"
			}
			return problem
		}
		last := n == len(s.path)-1
		table, isMap := s.value.(map[string]any)
		switch {
		case isTable(v) && !last, isTable(v) && isMap && len(table) == 0:
			continue
		case isTable(v):
			// A string is likely the URL that was meant for a key of the table, with its password.
			if _, isString := s.value.(string); !isString {
				problem.Value = display(s.value)
			}
			problem.Reason = "must be a table"
		case !last:
			problem.Reason = "is a value, not a table"
		default:
			reason := assign(v, s.value, s.text)
			if reason == "" {
				return nil
			}
			problem.Value, problem.Reason = display(s.value), reason
		}
		return problem
	}
	return nil
}

// assign sets v and returns "", or says what would have been right. If text is true, raw is a string that stands for a value
// of v's type.
func assign(v reflect.Value, raw any, text bool) string {
	s, isString := raw.(string)
	if into, ok := reflect.TypeAssert[encoding.TextUnmarshaler](v.Addr()); ok {
		if n, isInt := raw.(int64); isInt { // such as a size in bytes
			s, isString = strconv.FormatInt(n, 10), true
		}
		if !isString {
			return "must be a string"
		}
		if err := into.UnmarshalText([]byte(s)); err != nil {
			if invalid, ok := errors.AsType[*bus.InvalidError](err); ok {
				return invalid.Reason // its field and value stand in front of it already
			}
			return err.Error()
		}
		return ""
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return `must be a duration such as "5s" or "1m30s", not negative`
		}
		v.SetInt(int64(d))
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		if !isString {
			return "must be a string"
		}
		v.SetString(s)
		return ""
	case reflect.Bool:
		b, ok := raw.(bool)
		if text {
			var err error
			b, err = strconv.ParseBool(s)
			ok = err == nil
		}
		if !ok {
			return "must be true or false"
		}
		v.SetBool(b)
		return ""
	case reflect.Slice:
		return assignList(v, raw, text)
	}
	return assignNumber(v, raw, text)
}

func assignNumber(v reflect.Value, raw any, text bool) string {
	s, _ := raw.(string)
	if v.CanFloat() {
		f, ok := raw.(float64)
		if n, isInt := raw.(int64); isInt {
			f, ok = float64(n), true
		}
		if text {
			var err error
			f, err = strconv.ParseFloat(s, 64)
			ok = err == nil
		}
		if !ok || math.IsNaN(f) || math.IsInf(f, 0) || v.OverflowFloat(f) {
			return "must be a number"
		}
		v.SetFloat(f)
		return ""
	}
	n, ok := raw.(int64)
	if text {
		var err error
		n, err = strconv.ParseInt(s, 10, 64)
		ok = err == nil
	}
	if !v.CanInt() && !v.CanUint() {
		return fmt.Sprintf("a field of type %v cannot be set by a configuration", v.Type())
	}
	if !ok {
		return "must be a whole number"
	}
	switch bits := v.Type().Bits(); {
	case v.CanInt() && v.OverflowInt(n):
		return fmt.Sprintf("must be %d to %d", int64(-1)<<(bits-1), int64(math.MaxInt64)>>(64-bits))
	case v.CanInt():
		v.SetInt(n)
	case n < 0 || v.OverflowUint(uint64(n)):
		return fmt.Sprintf("must be 0 to %d", uint64(math.MaxInt64)>>max(0, 63-bits))
	default:
		v.SetUint(uint64(n))
	}
	return ""
}

func assignList(v reflect.Value, raw any, text bool) string {
	list, ok := raw.([]any)
	if s, isString := raw.(string); text && isString {
		ok = true
		if strings.TrimSpace(s) != "" {
			for element := range strings.SplitSeq(s, ",") {
				list = append(list, strings.TrimSpace(element))
			}
		}
	}
	if !ok {
		return "must be a list"
	}
	if len(list) == 0 {
		v.SetZero()
		return ""
	}
	// A new slice: the old one may be shared with the value that the section had before.
	all := reflect.MakeSlice(v.Type(), len(list), len(list))
	for i, element := range list {
		if reason := assign(all.Index(i), element, text); reason != "" {
			return fmt.Sprintf("element %d %s", i+1, reason)
		}
	}
	v.Set(all)
	return ""
}

// display shows a scalar as TOML would; what is in a list or a table may be a secret.
func display(raw any) string {
	switch raw := raw.(type) {
	case string:
		return quote(raw)
	case []any:
		return "[…]"
	case map[string]any:
		return "{…}"
	}
	return fmt.Sprint(raw)
}
