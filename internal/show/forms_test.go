package show_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/show"
)

// each returns an event of each type, with little in it.
func each() []*bus.Event {
	usb := envelope(&bus.Raw{Name: "usb", Data: []byte("\x81\xa1a\x01")})
	usb.Topic = "events.usb.plugged"
	return []*bus.Event{
		envelope(sleep()),
		envelope(&bus.ProcessEvent{PID: 2, ExecutablePath: "/bin/a b"}),
		envelope(&bus.NetworkEvent{
			Protocol: "tcp", LocalAddr: "127.0.0.1:80", RemoteAddr: "10.0.0.1:4000", State: "established", PID: new(uint32(9)),
			Metadata: bus.Metadata{"action": "open"},
		}),
		envelope(&bus.NetworkEvent{Protocol: "udp", LocalAddr: "127.0.0.1:53"}),
		envelope(&bus.FilesystemEvent{Path: "/tmp/x", Operation: "create"}),
		envelope(&bus.PerformanceEvent{MetricName: "cpu", Value: 12.5, Unit: "percent", Component: "cpu0"}),
		envelope(&bus.PerformanceEvent{MetricName: "memory_total", Value: 3 << 30, Unit: "bytes"}),
		envelope(&bus.TriggerRequest{TargetCollector: "yara", AnalysisType: bus.AnalysisYARA, TargetPID: new(uint32(9))}),
		usb,
	}
}

// printed returns what a style makes of events.
func printed(t *testing.T, style show.Style, events ...*bus.Event) string {
	t.Helper()
	var out bytes.Buffer
	p := show.NewStyledPrinter(&out, style)
	for _, event := range events {
		require.NoError(t, p.Print(event))
	}
	require.NoError(t, p.Flush())
	return out.String()
}

func fields(t *testing.T, names ...string) []show.Field {
	t.Helper()
	all := make([]show.Field, len(names))
	for i, name := range names {
		require.NoError(t, all[i].UnmarshalText([]byte(name)))
	}
	return all
}

func TestCompact(t *testing.T) {
	require.Equal(t, strings.TrimPrefix(`
03:04:05.678 process.lifecycle start sleep [4242] sleep 7 "a b" --x=y
03:04:05.678 process.lifecycle [2] "/bin/a b"
03:04:05.678 network.connections open tcp 127.0.0.1:80 -> 10.0.0.1:4000 established [9]
03:04:05.678 network.connections udp 127.0.0.1:53
03:04:05.678 filesystem.operations create /tmp/x
03:04:05.678 performance.utilization cpu 12.5 percent cpu0
03:04:05.678 performance.utilization memory_total 3.0GiB
03:04:05.678 control.trigger.request yara_scan yara [9]
03:04:05.678 usb.plugged usb {"a":1}
`, "\n"), printed(t, show.Style{Format: show.Compact}, each()...))
}

func TestTable(t *testing.T) {
	require.Equal(t, strings.TrimPrefix(`
TIME          TOPIC                           SOURCE       PID      EVENT       DETAIL
03:04:05.678  events.process.lifecycle        procmon      4242     start       sleep [4242] sleep 7 "a b" --x=y
03:04:05.678  events.process.lifecycle        procmon      2        -           [2] "/bin/a b"
03:04:05.678  events.network.connections      procmon      9        open        tcp 127.0.0.1:80 -> 10.0.0.1:4000 established [9]
03:04:05.678  events.network.connections      procmon      -        -           udp 127.0.0.1:53
03:04:05.678  events.filesystem.operations    procmon      -        create      /tmp/x
03:04:05.678  events.performance.utilization  procmon      -        cpu         12.5 percent cpu0
03:04:05.678  events.performance.utilization  procmon      -        memory_total  3.0GiB
03:04:05.678  control.trigger.request         procmon      9        yara_scan     yara [9]
03:04:05.678  events.usb.plugged              procmon      -        usb           {"a":1}
`, "\n"), printed(t, show.Style{Format: show.Table}, each()...))
}

func TestFieldsInEachForm(t *testing.T) {
	selected := fields(t, "topic", "payload.pid", "payload.name", "payload.metadata.action", "payload.command_line")
	for format, want := range map[show.Format]string{
		show.Text: `topic=events.process.lifecycle payload.pid=4242 payload.name=sleep payload.metadata.action=start ` +
			`payload.command_line="[\"sleep\",\"7\",\"a b\",\"\",\"--x=y\"]"` + "\n",
		show.Compact: `events.process.lifecycle 4242 sleep start "[\"sleep\",\"7\",\"a b\",\"\",\"--x=y\"]"` + "\n",
		show.Table: "TOPIC                     PAYLOAD.PID  PAYLOAD.NAME  PAYLOAD.METADATA.ACTION  PAYLOAD.COMMAND_LINE\n" +
			`events.process.lifecycle  4242         sleep         start                    "[\"sleep\",\"7\",\"a b\",\"\",\"--x=y\"]"` + "\n",
		show.JSON: `{"topic":"events.process.lifecycle","payload":{"pid":4242,"name":"sleep","command_line":["sleep","7","a b","","--x=y"],` +
			`"metadata":{"action":"start"}}}` + "\n",
	} {
		got := printed(t, show.Style{Format: format, Fields: selected}, envelope(sleep()))
		if format == show.Table {
			// The names stand before the first event, whose width they do not know.
			require.Equal(t, strings.Fields(want), strings.Fields(got), format)
			continue
		}
		require.Equal(t, want, got, format)
	}
}

// What is not there is an empty value to a person, and no key to a program.
func TestFieldsThatAreMissing(t *testing.T) {
	selected := fields(t, "payload.pid", "metadata.a.b", "payload.path.below")
	file := envelope(&bus.FilesystemEvent{Path: "/tmp/x"})
	require.Equal(t, "payload.pid=- metadata.a.b=- payload.path.below=-\n", printed(t, show.Style{Fields: selected}, file))
	require.Equal(t, "{\"payload\":{}}\n", printed(t, show.Style{Format: show.JSON, Fields: selected}, file))
	file.Metadata = bus.Metadata{"a.b": "c"}
	require.Equal(t, "payload.pid=- metadata.a.b=c payload.path.below=-\n", printed(t, show.Style{Fields: selected}, file))
}

// A field within another one adds nothing, whichever comes first.
func TestFieldsWithinEachOther(t *testing.T) {
	want := printed(t, show.Style{Format: show.JSON, Fields: fields(t, "payload")}, envelope(sleep()))
	require.Contains(t, want, `{"payload":{"pid":4242,"ppid":1,`)
	for _, names := range [][]string{{"payload", "payload.pid"}, {"payload.pid", "payload"}, {"payload", "payload"}} {
		require.Equal(t, want, printed(t, show.Style{Format: show.JSON, Fields: fields(t, names...)}, envelope(sleep())), names)
	}
}

func TestBadFields(t *testing.T) {
	for text, want := range map[string]string{
		"": `"": a field begins with one of id, time, topic, `, "pid": `"pid": a field begins with one of`, "payload.": `"payload.": a level of the field is empty`,
		"payload..pid": "a level of the field is empty",
	} {
		var field show.Field
		require.ErrorContains(t, field.UnmarshalText([]byte(text)), want)
	}
}

func TestTemplate(t *testing.T) {
	for text, want := range map[string]string{
		`{{.topic}} {{.payload.pid}}`:                                    "events.process.lifecycle 4242\n",
		"{{.payload.name}}\n":                                            "sleep\n",
		`{{if eq .payload.pid 4242}}it{{end}}`:                           "it\n",
		`{{if gt .payload.cpu_usage 12.0}}busy{{end}}`:                   "busy\n",
		`{{join .payload.command_line " "}}`:                             "sleep 7 a b  --x=y\n",
		`{{range .payload.command_line}}{{quote .}} {{end}}`:             "sleep 7 \"a b\" \"\" --x=y \n",
		`{{json .correlation}}`:                                          `{"correlation_id":"c","root_id":"c","sequence":0}` + "\n",
		`{{or .payload.no "-"}} {{.no}}`:                                 "- <no value>\n",
		`{{len .payload.metadata}} {{index .payload.metadata "action"}}`: "1 start\n",
	} {
		parsed, err := show.ParseTemplate(text)
		require.NoError(t, err)
		require.Equal(t, want, printed(t, show.Style{Format: show.Template, Template: parsed}, envelope(sleep())), text)
	}
}

func TestBadTemplates(t *testing.T) {
	_, err := show.ParseTemplate("{{.topic")
	require.ErrorContains(t, err, "template:1")
	for text, want := range map[string]string{
		`{{index .payload.command_line 9}}`: "index out of range: 9",
		`{{range 2000000}}x{{end}}`:         "the template makes more than 1048576 bytes of one event",
		`{{template "template" .}}`:         "exceeded maximum template depth",
	} {
		parsed, err := show.ParseTemplate(text)
		require.NoError(t, err)
		require.ErrorContains(t, show.NewStyledPrinter(new(bytes.Buffer), show.Style{Format: show.Template, Template: parsed}).Print(envelope(sleep())), want)
	}
	require.Error(t, show.NewStyledPrinter(new(bytes.Buffer), show.Style{Format: show.Template}).Print(envelope(sleep())))
}

// Whatever an event says, a line stays a line, and no form prints what a terminal obeys.
func TestNoFormLetsControlCharactersThrough(t *testing.T) {
	const evil = "a\x1b[2J\u202e\u0085\nb\xffü"
	p := &bus.ProcessEvent{PID: 1, Name: evil, ExecutablePath: evil, CommandLine: []string{evil}, Metadata: bus.Metadata{"action": evil, evil: evil}}
	process := envelope(p)
	process.Source, process.Metadata = evil, bus.Metadata{evil: evil}
	raw := envelope(&bus.Raw{Name: "usb", Data: []byte("\x81\xa2\x1b[\xa2\x1b[")})
	raw.Topic = "events.usb.plugged"
	cut, err := show.ParseTemplate(`{{json .}} {{.payload.name}} {{range $k, $v := .metadata}}{{$k}} {{$v}}{{end}} {{slice "ü" 0 1}}`)
	require.NoError(t, err)
	for _, format := range []show.Format{show.Text, show.Compact, show.JSON, show.Table, show.Template} {
		for _, selected := range [][]show.Field{nil, fields(t, "source", "payload.name", "metadata", "payload"), {"payload." + evil, "metadata." + evil}} {
			style := show.Style{Format: format, Fields: selected, Template: cut}
			shown := printed(t, style, process, raw)
			lines := 2
			if format == show.Table {
				lines = 3
			}
			require.Equal(t, lines, strings.Count(shown, "\n"), "%s", shown)
			require.True(t, utf8.ValidString(shown))
			for _, r := range strings.ReplaceAll(shown, "\n", "") {
				require.True(t, unicode.IsPrint(r), "%s: %q in %q", format, r, shown)
			}
			if format == show.JSON {
				for line := range strings.Lines(shown) {
					require.True(t, json.Valid([]byte(line)))
				}
			}
		}
	}
}

func TestFormsInColor(t *testing.T) {
	for _, style := range []show.Style{
		{Format: show.Compact}, {Format: show.Table}, {Format: show.Text, Fields: fields(t, "topic")},
		{Format: show.Table, Fields: fields(t, "topic")},
	} {
		plain := printed(t, style, envelope(sleep()))
		style.Color = true
		colored := printed(t, style, envelope(sleep()))
		require.NotEqual(t, plain, colored)
		require.Equal(t, plain, sgr.ReplaceAllString(colored, ""))
	}
}
