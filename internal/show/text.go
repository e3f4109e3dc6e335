package show

import (
	"math"
	"strconv"

	"github.com/daemoneye/eventbus/bus"
)

// timeFormat is RFC 3339 with milliseconds, so that the columns stay in line.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// actionKey is the metadata entry in which collectors say what happened, such as start or exit.
const actionKey = "action"

// AppendText appends the event as one line of text without a line break, as the package comment describes it.
func AppendText(dst []byte, event *bus.Event, color bool) []byte {
	l := line{dst: dst, room: MaxLine, color: color}
	l.put(dim, event.Time.UTC().Format(timeFormat))
	l.word(topicStyle(event.Type()), event.Topic)
	l.word(plain, string(event.Type()))
	switch payload := event.Payload.(type) {
	case *bus.ProcessEvent:
		l.process(payload, action(event))
	case *bus.NetworkEvent:
		l.network(payload, action(event))
	case *bus.FilesystemEvent:
		l.filesystem(payload)
	case *bus.PerformanceEvent:
		l.performance(payload)
	case *bus.TriggerRequest:
		l.trigger(payload)
	case *bus.HealthEvent:
		l.health(payload)
	case *bus.Raw:
		l.raw(payload)
	}
	return l.dst
}

func topicStyle(t bus.EventType) string {
	switch t {
	case bus.TypeProcess:
		return green
	case bus.TypeNetwork:
		return cyan
	case bus.TypeFilesystem:
		return yellow
	case bus.TypePerformance:
		return magenta
	case bus.TypeTrigger:
		return red
	case bus.TypeHealth:
		return bold
	}
	return plain
}

// action returns what happened, "" if the event does not say.
func action(event *bus.Event) string {
	if a := event.PayloadMetadata()[actionKey]; a != "" {
		return a
	}
	return event.Metadata[actionKey]
}

func (l *line) process(p *bus.ProcessEvent, action string) {
	l.what(action)
	l.number("pid", &p.PID)
	l.number("ppid", p.PPID)
	l.text("name", p.Name)
	l.text("executable_path", p.ExecutablePath)
	l.text("user_id", p.UserID)
	if p.CPUUsage != nil {
		l.key("cpu_usage")
		l.put(plain, strconv.FormatFloat(*p.CPUUsage, 'f', 1, 64)+"%")
	}
	l.size("memory_usage", p.MemoryUsage)
	// The usual case goes without saying; the other one is what somebody hunts for.
	if !p.Accessible {
		l.text("accessible", "false")
	}
	if !p.FileExists {
		l.text("file_exists", "false")
	}
	if len(p.CommandLine) == 0 {
		return
	}
	l.key("command_line")
	for i, argument := range p.CommandLine {
		if l.room == 0 {
			return
		}
		if i > 0 {
			l.put(plain, " ")
		}
		l.put(plain, clip(argument))
	}
}

func (l *line) network(n *bus.NetworkEvent, action string) {
	l.what(action)
	l.text("protocol", n.Protocol)
	l.text("local_addr", n.LocalAddr)
	l.text("remote_addr", n.RemoteAddr)
	l.text("state", n.State)
	l.number("pid", n.PID)
	l.size("bytes_sent", n.BytesSent)
	l.size("bytes_received", n.BytesReceived)
}

func (l *line) filesystem(f *bus.FilesystemEvent) {
	l.what(f.Operation)
	l.text("path", f.Path)
	l.number("pid", f.PID)
	l.size("size", f.Size)
	l.text("permissions", f.Permissions)
	l.text("file_hash", f.FileHash)
}

func (l *line) performance(p *bus.PerformanceEvent) {
	l.what(p.MetricName)
	l.key("value")
	if p.Unit == "bytes" && 0 <= p.Value && p.Value < math.MaxInt64 {
		l.put(bold, formatBytes(uint64(p.Value)))
	} else {
		l.put(bold, formatValue(p.Value))
		l.text("unit", p.Unit)
	}
	l.text("component", p.Component)
	l.number("pid", p.PID)
}

// formatValue writes whole numbers whole, and of others six digits: nobody reads exponents.
func formatValue(v float64) string {
	if math.Abs(v) >= 1e5 && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

func (l *line) trigger(t *bus.TriggerRequest) {
	l.what(string(t.AnalysisType))
	l.text("target_collector", t.TargetCollector)
	l.number("target_pid", t.TargetPID)
	l.text("target_path", t.TargetPath)
	l.text("priority", string(t.Priority))
	l.text("trigger_id", t.TriggerID)
}

func (l *line) health(h *bus.HealthEvent) {
	l.what(string(h.Status))
	l.text("id", h.ID)
	l.text("interval", h.Interval.String())
	for _, counter := range []struct {
		name  string
		value uint64
	}{{"published", h.Published}, {"dropped", h.Dropped}, {"lost", h.Lost}, {"unsent", h.Unsent}} {
		l.key(counter.name)
		l.put(plain, strconv.FormatUint(counter.value, 10))
	}
}

// raw shows a payload of a type that this version does not know as JSON, to the end of the line.
func (l *line) raw(r *bus.Raw) {
	encoded, err := r.MarshalJSON()
	if err != nil {
		return // it never fails; the type alone is still worth its line
	}
	l.key("payload")
	l.put(plain, string(appendVisibleJSON(nil, encoded)))
}

// what appends the word that says what happened.
func (l *line) what(verb string) {
	if verb != "" {
		l.word(bold, verb)
	}
}
