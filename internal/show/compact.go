package show

import (
	"strconv"
	"strings"

	"github.com/daemoneye/eventbus/bus"
)

// clockFormat is the time of day.
const clockFormat = "15:04:05.000"

// AppendCompact appends the event as a short line of text without a line break: the time of day in UTC, the topic without events., and
// what happened to what.
func AppendCompact(dst []byte, event *bus.Event, color bool) []byte {
	l := line{dst: dst, room: MaxLine, color: color}
	l.put(dim, event.Time.UTC().Format(clockFormat))
	l.word(topicStyle(event.Type()), strings.TrimPrefix(event.Topic, "events."))
	what, detail := summary(event)
	l.what(what)
	l.put(plain, detail)
	return l.dst
}

// summary returns what happened, in a word that is not yet quoted, and to what, in visible text with a space before each word.
func summary(event *bus.Event) (what, detail string) {
	switch p := event.Payload.(type) {
	case *bus.ProcessEvent:
		what = action(event)
		detail = words(p.Name) + " [" + strconv.FormatUint(uint64(p.PID), 10) + "]"
		if len(p.CommandLine) > 0 {
			detail += words(p.CommandLine...)
		} else {
			detail += words(p.ExecutablePath)
		}
	case *bus.NetworkEvent:
		what = action(event)
		detail = words(p.Protocol, p.LocalAddr)
		if p.RemoteAddr != "" {
			detail += " ->" + words(p.RemoteAddr)
		}
		detail += words(p.State) + process(p.PID)
	case *bus.FilesystemEvent:
		what, detail = p.Operation, words(p.Path)+process(p.PID)
	case *bus.PerformanceEvent:
		what = p.MetricName
		if p.Unit == "bytes" && 0 <= p.Value && p.Value < 1<<63 {
			detail = " " + formatBytes(uint64(p.Value))
		} else {
			detail = " " + formatValue(p.Value) + words(p.Unit)
		}
		detail += words(p.Component) + process(p.PID)
	case *bus.TriggerRequest:
		what, detail = string(p.AnalysisType), words(p.TargetCollector, p.TargetPath)+process(p.TargetPID)
	case *bus.Raw:
		what = string(p.Name)
		if encoded, err := p.MarshalJSON(); err == nil {
			detail = " " + string(appendVisibleJSON(nil, encoded))
		}
	default:
		what = string(event.Type())
	}
	return what, detail
}

// process returns a process in the form of summary.
func process(pid *uint32) string {
	if pid == nil {
		return ""
	}
	return " [" + strconv.FormatUint(uint64(*pid), 10) + "]"
}

// words returns untrusted values in the form of summary, less those that are empty.
func words(values ...string) string {
	var b strings.Builder
	for _, value := range values {
		if value != "" {
			b.WriteString(" " + clip(value))
		}
		if b.Len() > MaxLine*4 {
			break // nothing of it is shown any more
		}
	}
	return b.String()
}
