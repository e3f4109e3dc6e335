package bus

import (
	"fmt"

	"github.com/google/uuid"
)

// Loss says which events of one publisher on one topic did not arrive. What else the subscription would have filtered out is
// unknown, since nobody saw them.
type Loss struct {
	// Publisher and Topic are those of the missing events. They are zero in an entry that sums up what would have been
	// too many entries.
	Publisher uuid.UUID `json:"publisher"`
	Topic     string    `json:"topic"`
	// First and Last are the lowest and the highest missing sequence number. Between them there are events that have
	// arrived, if Count is less than the range has numbers.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Count is the number of missing events.
	Count uint64 `json:"count"`
}

// String returns a short form for logs.
func (l Loss) String() string {
	if l.Topic == "" {
		return fmt.Sprintf("%d events of other publishers and topics", l.Count)
	}
	if l.First == l.Last {
		return fmt.Sprintf("%s #%d of publisher %s", l.Topic, l.First, l.Publisher)
	}
	return fmt.Sprintf("%s #%d to #%d (%d events) of publisher %s", l.Topic, l.First, l.Last, l.Count, l.Publisher)
}
