package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/control"
)

// The origins of values that do not come from a configuration.
const (
	originFlag    = "flag"
	originRequest = "request"
)

// LiveOptions say what the configuration of a program is: S is its settings, a plain value.
type LiveOptions[S any] struct {
	// Tables returns the tables of settings, to be read and set.
	Tables func(*S) (*eventbus.Config, []eventbus.Section)
	// Load reads file, environment and flags anew, and Explain where file and environment have each value from.
	Load    func() (S, []eventbus.Warning, error)
	Explain func() ([]eventbus.Value, error)
	// Live has what puts a key's value in force while the program runs, from settings in which it and what changes with it are the only news:
	// so one that several keys have in common sees no mixture of old and new values. All other keys need a restart. The functions are called
	// one after the other.
	Live map[string]func(*S) error
	// Logger gets a line for each change.
	Logger *slog.Logger
}

// Live is the configuration of a running program: what is in force, and what the next start would use. It is a [control.Settings]. Make one with
// [NewLive].
type Live[S any] struct {
	options LiveOptions[S]

	mu      sync.Mutex // guards what follows, and is held while a value is put in force
	current S
	origins map[string]string
	pending map[string]any // what needs a restart
}

// NewLive returns the configuration of a program that has started with the settings.
func NewLive[S any](settings S, options LiveOptions[S]) *Live[S] {
	l := &Live[S]{options: options, current: settings, pending: make(map[string]any)}
	l.origins = l.originsOf(&settings)
	return l
}

var _ control.Settings = (*Live[struct{}])(nil)

// values returns the values of settings.
func (l *Live[S]) values(settings *S) []eventbus.Value {
	config, sections := l.options.Tables(settings)
	return eventbus.Values(*config, sections...)
}

// originsOf returns where the values come from, as far as that is known.
func (l *Live[S]) originsOf(settings *S) map[string]string {
	origins := make(map[string]string)
	explained, err := l.options.Explain()
	if err != nil {
		return origins
	}
	loaded := make(map[string]eventbus.Value, len(explained))
	for _, value := range explained {
		loaded[value.Key] = value
	}
	for _, value := range l.values(settings) {
		origins[value.Key] = loaded[value.Key].Origin
		if !reflect.DeepEqual(loaded[value.Key].Value, value.Value) {
			origins[value.Key] = originFlag
		}
	}
	return origins
}

// Settings implements [control.Settings].
func (l *Live[S]) Settings() []control.Setting {
	l.mu.Lock()
	defer l.mu.Unlock()
	var settings []control.Setting
	for _, value := range l.values(&l.current) {
		settings = append(settings, control.Setting{
			Key: value.Key, Value: value.Value, Origin: l.origins[value.Key], Live: l.options.Live[value.Key] != nil, Pending: l.pending[value.Key],
		})
	}
	slices.SortFunc(settings, func(a, b control.Setting) int { return cmp.Compare(a.Key, b.Key) })
	return settings
}

// Set implements [control.Settings]. What it changes lasts until the next [Live.Reload], or the end of the program.
func (l *Live[S]) Set(_ context.Context, by string, values map[string]json.RawMessage) (changes []control.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	quiet := l.quiet()
	wanted := make(map[string]any, len(values))
	unreadable := make(map[string]control.Change)
	for key, text := range values {
		value, err := plain(text)
		if err != nil {
			unreadable[key] = control.Change{Key: key, Result: control.Refused, Reason: err.Error()}
			continue
		}
		wanted[key] = value
	}
	all := l.together(wanted)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		change, bad := unreadable[key]
		if !bad {
			change = l.change(key, wanted[key], &all)
		}
		changes = append(changes, change)
		switch change.Result {
		case control.Applied:
			l.origins[key] = originRequest
			l.say(quiet, change, by)
		case control.Refused:
			l.options.Logger.Warn("a change of the configuration was refused", "key", key, "reason", change.Reason, "origin", by)
		}
	}
	return changes
}

// together returns what is in force with those of the values that can be changed; mu is held.
func (l *Live[S]) together(values map[string]any) S {
	all := l.current
	config, sections := l.options.Tables(&all)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if l.options.Live[key] != nil {
			_ = eventbus.Set(config, key, values[key], sections...) // change says what is wrong with it
		}
	}
	return all
}

// change puts a value in force, if it can be, out of settings in which all values are that change at once; mu is held.
func (l *Live[S]) change(key string, value any, all *S) control.Change {
	change := control.Change{Key: key, Result: control.Refused}
	if slices.ContainsFunc(l.values(&l.current), func(v eventbus.Value) bool { return strings.HasPrefix(v.Key, key+".") }) {
		change.Reason = "is a table: set its keys"
		return change
	}
	next := l.current
	config, sections := l.options.Tables(&next)
	if err := eventbus.Set(config, key, value, sections...); err != nil {
		change.Reason = reason(err)
		return change
	}
	old, now := find(l.values(&l.current), key), find(l.values(&next), key)
	if reflect.DeepEqual(old, now) && !l.differs(key, &l.current, &next) {
		change.Result = control.Unchanged
		return change
	}
	apply := l.options.Live[key]
	if apply == nil {
		change.Result, change.Reason = control.NeedsRestart, "it is read at the start: change the file, and start again"
		return change
	}
	if err := apply(all); err != nil {
		change.Reason = reason(err)
		config, sections := l.options.Tables(all)
		_ = eventbus.Set(config, key, old, sections...) // it was valid until now
		return change
	}
	l.current = next
	change.Result, change.Old, change.Value = control.Applied, old, now
	return change
}

// Reload reads the configuration anew. What differs from what is in force and can be changed is put in force, also over what requests have set; of
// the rest the log says that it needs a restart. A configuration that cannot be used changes nothing, and is logged.
func (l *Live[S]) Reload() {
	log := l.options.Logger
	next, warnings, err := l.options.Load()
	warn(log, warnings)
	if err != nil {
		log.Error("the configuration was read again and cannot be used, so nothing has changed", "error", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	origins := l.originsOf(&next)
	changed, quiet := 0, l.quiet()
	wanted := make(map[string]any)
	for _, value := range l.values(&next) {
		wanted[value.Key] = value.Value
	}
	all := l.together(wanted)
	for _, value := range l.values(&next) {
		key := value.Key
		if reflect.DeepEqual(value.Value, find(l.values(&l.current), key)) && !l.differs(key, &l.current, &next) {
			delete(l.pending, key)
			l.origins[key] = origins[key]
			continue
		}
		changed++
		if l.options.Live[key] == nil {
			l.pending[key] = value.Value
			log.Warn("a change of the configuration needs a restart", "key", key, "value", value.Value, "origin", origins[key])
			continue
		}
		change := l.change(key, value.Value, &all)
		if change.Result == control.Applied {
			delete(l.pending, key)
			l.origins[key] = origins[key]
			l.say(quiet, change, origins[key])
			continue
		}
		l.pending[key] = value.Value
		log.Error("a change of the configuration could not be made", "key", key, "value", value.Value, "origin", origins[key], "reason", change.Reason)
	}
	if changed == 0 {
		log.Info("the configuration was read again, and nothing has changed")
	}
}

// quiet reports whether changes are not logged.
func (l *Live[S]) quiet() bool {
	return !l.options.Logger.Enabled(context.Background(), slog.LevelInfo)
}

// say logs a change, unless the log was quiet before the changes began. That it is to be quiet from now on is the last thing to be said in it,
// together with the changes that come with that.
func (l *Live[S]) say(quiet bool, change control.Change, origin string) {
	if quiet && l.quiet() {
		return
	}
	level := slog.LevelInfo
	for level < slog.LevelError && !l.options.Logger.Enabled(context.Background(), level) {
		level += slog.LevelWarn - slog.LevelInfo
	}
	l.options.Logger.Log(context.Background(), level, "the configuration has changed",
		"key", change.Key, "old", change.Old, "value", change.Value, "origin", origin)
}

// differs reports whether settings differ in a secret that is not in what is shown of the key.
func (l *Live[S]) differs(key string, a, b *S) bool {
	configA, _ := l.options.Tables(a)
	configB, _ := l.options.Tables(b)
	switch key {
	case "event_bus.nats.url":
		return configA.NATS.URL != configB.NATS.URL
	case "event_bus.nats.leaf.hub":
		return configA.NATS.Leaf.Hub != configB.NATS.Leaf.Hub
	}
	return false
}

func find(values []eventbus.Value, key string) any {
	i := slices.IndexFunc(values, func(v eventbus.Value) bool { return v.Key == key })
	if i < 0 {
		return nil
	}
	return values[i].Value
}

// reason returns the text of an error, which may be several joined, in a line.
func reason(err error) string {
	if one, ok := errors.AsType[*eventbus.ConfigError](err); ok && one.Error() == err.Error() {
		return one.Reason
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// plain returns a JSON value in the form that [eventbus.Set] takes.
func plain(text json.RawMessage) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("is not JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("is not one JSON value")
	}
	return withNumbers(value), nil
}

func withNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // out of range it is infinite, which no key accepts
		return f
	case []any:
		for i := range v {
			v[i] = withNumbers(v[i])
		}
	}
	return value
}
