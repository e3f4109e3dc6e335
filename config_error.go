package eventbus

import (
	"strconv"
	"strings"
	"unicode"
)

// ConfigError is returned when a configuration cannot be read or a value in it cannot be used. [Load] and [Config.Validate]
// join one for each problem.
type ConfigError struct {
	// Key is the dotted key, such as event_bus.queue_capacity; empty if the problem is not one key's.
	Key string
	// Value is the value as it was given; empty if there is none to show, or if it might be a secret.
	Value string
	// Reason says what is wrong and what is expected.
	Reason string
	// Origin is where the value comes from: file:line, file:line:column or the name of an environment variable. It is
	// empty for a value that the program itself has set.
	Origin string
	// Err is the cause, if there is one; Reason already tells it.
	Err error
}

func (e *ConfigError) Error() string {
	var b strings.Builder
	b.WriteString("eventbus: ")
	if e.Origin != "" {
		b.WriteString(e.Origin + ": ")
	}
	if e.Key != "" {
		b.WriteString(shorten(e.Key))
		if e.Value != "" {
			b.WriteString(" = " + e.Value)
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

func (e *ConfigError) Unwrap() error { return e.Err }

// Warning tells of a deprecated setting that [Load] has accepted. The caller logs it:
//
//	logger.Warn("a setting is deprecated", "key", w.Key, "origin", w.Origin, "warning", w.Text)
type Warning struct {
	// Key is the dotted key as it was given, such as crossbeam.max_subscribers.
	Key string
	// Replacement is the dotted key to use instead; empty if there is none.
	Replacement string
	// Origin is where it was given: file:line or the name of an environment variable.
	Origin string
	// Text is the whole message but for the origin. It says "ignored" if the setting has no effect.
	Text string
}

func (w Warning) String() string { return w.Origin + ": " + w.Text }

// quote quotes a value for a message.
func quote[S ~string](s S) string { return strconv.Quote(shorten(string(s))) }

// shorten keeps a message readable when a key or value is not.
func shorten(s string) string {
	const limit = 100 // bytes
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// printable replaces what would be more than text to a terminal or a log. The TOML parser repeats a key as the file means it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
