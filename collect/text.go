package collect

import (
	"strings"
	"unicode/utf8"

	"github.com/daemoneye/eventbus/bus"
)

// Bounds on the texts of the host, in bytes. Together they keep an event far below the 256 KiB that a bus takes by default.
const (
	maxName        = 256
	maxPath        = 8 << 10 // Linux has 4 KiB, of which replacement characters may make twice as much
	maxCommandLine = 32 << 10

	// argumentCost is what an argument takes on the wire beside its bytes.
	argumentCost = 5
)

// texts makes the host's texts fit for an event and remembers which ones were cut. The zero value is ready for one event.
type texts struct {
	cut []string
}

// text returns s as valid UTF-8 of at most limit bytes. The field is its name on the wire.
func (t *texts) text(field, s string, limit int) string {
	// Cut before cleaning as well: no work is wasted on megabytes of which kilobytes remain.
	clean := strings.ToValidUTF8(s[:min(len(s), 2*limit)], "\uFFFD")
	if len(clean) <= limit && len(s) <= 2*limit {
		return clean
	}
	t.cut = append(t.cut, field)
	return cutRunes(clean, limit)
}

// arguments returns a command line of valid UTF-8 whose arguments take at most maxCommandLine bytes. What does not fit is cut
// from the end.
func (t *texts) arguments(args []string) []string {
	var out []string
	left := maxCommandLine
	for _, arg := range args {
		if left -= argumentCost; left <= 0 {
			t.cut = append(t.cut, "command_line")
			break
		}
		before := len(t.cut)
		out = append(out, t.text("command_line", arg, left))
		if len(t.cut) > before {
			break
		}
		left -= len(out[len(out)-1])
	}
	return out
}

// mark adds the entry [Truncated] if a text was cut.
func (t *texts) mark(metadata bus.Metadata) {
	if len(t.cut) > 0 {
		metadata[Truncated] = strings.Join(t.cut, ",")
	}
}

// cutRunes returns the longest prefix of whole runes of s in limit bytes. s is valid UTF-8.
func cutRunes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
