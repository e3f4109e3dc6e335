package show

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daemoneye/eventbus/bus"
)

// maxColumn bounds the width to which a column grows, in characters.
const maxColumn = 40

// table lays events out in columns. Nothing is known of the events to come, so a column is as wide as the widest value that it has had.
type table struct {
	names  []string
	widths []int
	values func(*bus.Event) ([]string, error) // visible text
	begun  bool
	color  bool
}

// defaultColumns are the columns without a selection of fields, and the widths that they begin with.
var defaultColumns = []struct {
	name  string
	width int
}{{"TIME", len(clockFormat)}, {"TOPIC", 30}, {"SOURCE", 11}, {"PID", 7}, {"EVENT", 10}, {"DETAIL", 0}}

func newTable(fields []Field, color bool) *table {
	t := &table{color: color}
	if len(fields) == 0 {
		for _, column := range defaultColumns {
			t.names, t.widths = append(t.names, column.name), append(t.widths, column.width)
		}
		t.values = defaultValues
		return t
	}
	for _, field := range fields {
		name := strings.ToUpper(Quote(string(field)))
		t.names, t.widths = append(t.names, name), append(t.widths, utf8.RuneCountInString(name))
	}
	t.values = func(event *bus.Event) ([]string, error) { return cells(event, fields) }
	return t
}

func defaultValues(event *bus.Event) ([]string, error) {
	pid := ""
	if n, ok := event.PID(); ok {
		pid = strconv.FormatUint(uint64(n), 10)
	}
	what, detail := summary(event)
	values := []string{event.Time.UTC().Format(clockFormat), event.Topic, event.Source, pid, what}
	for i, value := range values {
		values[i] = cell(value)
	}
	return append(values, strings.TrimPrefix(detail, " ")), nil
}

// cells returns the fields of an event as visible text.
func cells(event *bus.Event, fields []Field) ([]string, error) {
	object, err := eventFields(event)
	if err != nil {
		return nil, err
	}
	values := make([]string, len(fields))
	for i, field := range fields {
		values[i] = cell(field.of(object))
	}
	return values, nil
}

// cell returns an untrusted value as text that stands out as a cell: an empty one is a dash.
func cell(value string) string {
	if value == "" {
		return "-"
	}
	return clip(value)
}

// append appends the line of an event, and before the first one that of the names.
func (t *table) append(dst []byte, event *bus.Event) ([]byte, error) {
	values, err := t.values(event)
	if err != nil {
		return dst, err
	}
	if !t.begun {
		t.begun = true
		dst = append(t.row(dst, bold, t.names), '\n')
	}
	return append(t.row(dst, plain, values), '\n'), nil
}

func (t *table) row(dst []byte, style string, values []string) []byte {
	l := line{dst: dst, room: MaxLine, color: t.color}
	for i, value := range values {
		if i > 0 {
			l.put(plain, "  ")
		}
		l.put(style, value)
		if i == len(values)-1 {
			break
		}
		n := utf8.RuneCountInString(value)
		t.widths[i] = max(t.widths[i], min(n, maxColumn))
		l.put(plain, strings.Repeat(" ", max(0, t.widths[i]-n)))
	}
	return l.dst
}
