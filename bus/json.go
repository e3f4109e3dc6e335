package bus

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/tinylib/msgp/msgp"
)

// jsonEvent fixes the names and the order of an event's JSON form.
type jsonEvent struct {
	ID          uuid.UUID   `json:"id"`
	Time        time.Time   `json:"time"`
	Topic       string      `json:"topic"`
	Source      string      `json:"source"`
	Type        EventType   `json:"type"`
	Payload     any         `json:"payload"`
	Correlation Correlation `json:"correlation"`
	Publisher   uuid.UUID   `json:"publisher,omitzero"`
	Sequence    uint64      `json:"sequence"`
	Metadata    Metadata    `json:"metadata,omitzero"`
}

// MarshalJSON writes the event with the keys of the wire format, in a fixed order, times in RFC 3339 and UTC.
func (e *Event) MarshalJSON() ([]byte, error) {
	var payload any
	if e.Payload != nil {
		payload = e.Payload.inUTC()
	}
	return marshalJSON(jsonEvent{
		ID: e.ID, Time: e.Time.UTC(), Topic: e.Topic, Source: e.Source, Type: e.Type(), Payload: payload,
		Correlation: e.Correlation, Publisher: e.Publisher, Sequence: e.Sequence, Metadata: e.Metadata,
	})
}

// marshalJSON is json.Marshal that leaves <, > and & as they are: they are frequent in command lines, and JSON needs no escape
// for them. A caller that goes through json.Marshal gets the escapes all the same.
func marshalJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// MarshalJSON writes the data as JSON; data that has no JSON form becomes a text in base64.
func (r *Raw) MarshalJSON() ([]byte, error) {
	// With a byte behind it, because msgp does not know a time by sight when nothing follows it.
	value, rest, err := msgp.ReadIntfBytes(append(slices.Clip(r.Data), 0))
	if err == nil && len(rest) == 1 {
		if text, err := marshalJSON(timesInUTC(value)); err == nil {
			return text, nil
		}
	}
	return marshalJSON(r.Data)
}

// timesInUTC puts every time in a decoded value into UTC.
func timesInUTC(value any) any {
	switch v := value.(type) {
	case time.Time:
		return v.UTC()
	case map[string]any:
		for key, element := range v {
			v[key] = timesInUTC(element)
		}
	case []any:
		for i, element := range v {
			v[i] = timesInUTC(element)
		}
	}
	return value
}
