package eventbus

import (
	"math"
	"slices"
	"strings"
	"time"
)

// The design that this replaces had a bus of crossbeam channels and a broker named daemoneye. Its settings stood in
// [event_bus] and in the tables [crossbeam] and [daemoneye], at the top level or within [event_bus].
const (
	legacyLocal  = "crossbeam"
	legacyBroker = "daemoneye"
)

// relative takes event_bus away from a path: a legacy setting means the same with and without.
func relative(path []string) []string {
	if len(path) > 1 && path[0] == tableName {
		return path[1:]
	}
	return path
}

// isLegacy says whether a path is a setting, or a table, that only the old design had. Keys of its tables that we have never
// heard of count as well: a configuration that loaded once is not to fail on them.
func isLegacy(path []string) bool {
	rest := relative(path)
	if rest[0] == legacyLocal || rest[0] == legacyBroker {
		return true
	}
	return len(rest) == 1 && slices.Contains([]string{"socket_path", "buffer_size", "enable_statistics"}, rest[0])
}

// isLegacyValue says whether a path is a setting of one of the old tables. Its value may be a table, and is one value still.
func isLegacyValue(path []string) bool { return isLegacy(path) && len(relative(path)) > 1 }

// successor returns the key of [event_bus] that a legacy setting has become, or nil and, where there is more to say, why.
func successor(path []string) (to []string, reason string) {
	rest := relative(path)
	if len(rest) == 2 {
		rest = rest[1:]
	}
	switch strings.Join(rest, ".") {
	case "socket_path":
		return []string{tableName, "nats", "socket_path"}, ""
	case "max_subscribers":
		return []string{tableName, "max_subscribers"}, ""
	case "buffer_size", "message_buffer_size", "per_subscriber_channel_capacity":
		return []string{tableName, "queue_capacity"}, ""
	case "backpressure_strategy":
		return []string{tableName, "overflow"}, ""
	case "publish_timeout":
		return []string{tableName, "publish_timeout"}, ""
	case "channel_capacity":
		return nil, "there is no queue that all subscriptions share; event_bus.queue_capacity bounds the queue of each"
	}
	return nil, "nothing has taken its place"
}

// modernize replaces legacy settings by their successors and legacy values by the present ones. There is a warning for each.
// The settings must be in ascending order of precedence.
func modernize(settings []setting) ([]setting, []Warning) {
	var modern []setting
	var warnings []Warning
	bus, given := NATS, make(map[string]bool)
	for i, s := range settings {
		given[s.key()] = true
		if s.key() != tableName+".bus_type" {
			continue
		}
		old, _ := s.value.(string)
		bus = BusType(old)
		switch old {
		case legacyBroker:
			bus = NATS
		case legacyLocal:
			bus = Local
		default:
			continue
		}
		settings[i].value = string(bus)
		warnings = append(warnings, Warning{
			Key: s.key(), Replacement: s.key(), Origin: s.source.origin(s.path),
			Text: s.source.spell(s.path) + " = " + quote(old) + " is deprecated: use " + quote(bus),
		})
	}
	winners := winners(settings, bus)
	for i, s := range settings {
		if !isLegacy(s.path) {
			modern = append(modern, s)
			continue
		}
		to, reason := successor(s.path)
		w := Warning{Key: s.key(), Origin: s.source.origin(s.path), Text: s.source.spell(s.path) + " is deprecated"}
		if to == nil {
			w.Text += " and ignored: " + reason
			warnings = append(warnings, w)
			continue
		}
		w.Replacement = dotted(to)
		switch winner := winners[w.Replacement]; {
		case given[w.Replacement]:
			w.Text += " and ignored: " + s.source.spell(to) + " is given too"
		case winner != i:
			w.Text += " and ignored: " + settings[winner].source.spell(settings[winner].path) + " is given too"
		default:
			w.Text += ": use " + s.source.spell(to)
			modern = append(modern, setting{
				path: to, value: modernValue(s.value), text: s.text, source: renamed{s.source, s.path},
			})
		}
		warnings = append(warnings, w)
	}
	return modern, warnings
}

// winners returns, for each key that legacy settings have become, the index of the one that counts: one outside the old
// tables, then one of the table of the bus in use, then one of the other table; of equals the last.
func winners(settings []setting, bus BusType) map[string]int {
	rank := func(path []string) int {
		switch rest := relative(path); {
		case len(rest) == 1:
			return 0
		case (rest[0] == legacyLocal) == (bus == Local):
			return 1
		}
		return 2
	}
	won := make(map[string]int)
	for i, s := range settings {
		if !isLegacy(s.path) {
			continue
		}
		to, _ := successor(s.path)
		if best, ok := won[dotted(to)]; !ok || rank(s.path) <= rank(settings[best].path) {
			won[dotted(to)] = i
		}
	}
	return won
}

// modernValue translates the spellings of the old design's serialization; other values stay as they are. Blocking and
// DropNewest are all the strategies it had: what else stands there never loaded, and is refused under the new key.
func modernValue(old any) any {
	switch old := old.(type) {
	case string:
		switch old {
		case "Blocking":
			return "block"
		case "DropNewest":
			return "drop-newest"
		}
	case map[string]any: // a duration
		seconds, ok := old["secs"].(int64)
		nanos, _ := old["nanos"].(int64)
		if ok && seconds >= 0 && seconds < math.MaxInt64/int64(time.Second) && nanos >= 0 && nanos < int64(time.Second) {
			return (time.Duration(seconds)*time.Second + time.Duration(nanos)).String()
		}
	}
	return old
}

// renamed is the source of a setting whose path is not the one that was given.
type renamed struct {
	source
	from []string
}

func (r renamed) origin([]string) string { return r.source.origin(r.from) }
