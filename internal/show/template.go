package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/daemoneye/eventbus/bus"
)

// maxTemplateOutput bounds what a template may make of one event, in bytes.
const maxTemplateOutput = 1 << 20

// ParseTemplate parses a template of package text/template for the JSON form of an event: {{.topic}}, {{.payload.pid}}. Beside what the
// package has, there are the functions json, which returns a value as JSON, quote, which returns a text as [Quote] does, and join, as of
// [strings.Join] with any list.
//
// The texts of an event are escaped before the template sees them, so that it cannot print what a terminal would obey.
func ParseTemplate(text string) (*template.Template, error) {
	return template.New("template").Funcs(template.FuncMap{
		"quote": Quote,
		"json": func(value any) (string, error) {
			encoded, err := appendPlainJSON(nil, value)
			return string(encoded), err
		},
		"join": func(list []any, separator string) string {
			var b strings.Builder
			for i, value := range list {
				if i > 0 {
					b.WriteString(separator)
				}
				fmt.Fprint(&b, value)
			}
			return b.String()
		},
	}).Parse(text)
}

// appendTemplate appends what the template makes of an event, and a line break unless it ends with one.
func appendTemplate(dst []byte, t *template.Template, event *bus.Event) ([]byte, error) {
	fields, err := eventFields(event)
	if err != nil {
		return dst, err
	}
	var out bytes.Buffer
	if err := t.Execute(&limitedWriter{&out, maxTemplateOutput}, escaped(fields)); err != nil {
		return dst, fmt.Errorf("show: event %s: %w", event.ID, err)
	}
	// A template may cut a character in two.
	dst = append(dst, bytes.ToValidUTF8(out.Bytes(), []byte("\uFFFD"))...)
	if !bytes.HasSuffix(dst, []byte("\n")) {
		dst = append(dst, '\n')
	}
	return dst, nil
}

// escaped returns a value of eventFields with visible texts, and numbers with which a template can calculate.
func escaped(value any) any {
	switch v := value.(type) {
	case string:
		return Escape(v)
	case json.Number:
		return number(v)
	case []any:
		for i, element := range v {
			v[i] = escaped(element)
		}
	case map[string]any:
		visible := make(map[string]any, len(v))
		for key, element := range v {
			visible[Escape(key)] = escaped(element)
		}
		return visible
	}
	return value
}

func number(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	var u uint64
	if json.Unmarshal([]byte(n), &u) == nil {
		return u
	}
	f, err := n.Float64()
	if err != nil {
		return n.String()
	}
	return f
}

// limitedWriter refuses what is more than room.
type limitedWriter struct {
	out  io.Writer
	room int
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	if l.room -= len(b); l.room < 0 {
		return 0, fmt.Errorf("the template makes more than %d bytes of one event", maxTemplateOutput)
	}
	return l.out.Write(b)
}
