package show

import (
	"fmt"
	"strings"

	"github.com/daemoneye/eventbus/bus"
)

// maxLosses bounds the entries that Losses shows: a notice may have bus.MaxNoticeLosses, and is one line.
const maxLosses = 3

// Losses returns which events were lost, as text within a line: the first few entries, and how many there are beside them.
func Losses(losses []bus.Loss) string {
	var b strings.Builder
	for i, loss := range losses[:min(len(losses), maxLosses)] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Escape(loss.String())) // the topic is a peer's word
	}
	if more := len(losses) - maxLosses; more > 0 {
		atLeast := ""
		if losses[len(losses)-1].Topic == "" { // it sums up what would have been too many entries
			atLeast = "at least "
		}
		fmt.Fprintf(&b, ", and %s%d more topics or publishers", atLeast, more)
	}
	return b.String()
}
