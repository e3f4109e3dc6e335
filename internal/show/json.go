package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/daemoneye/eventbus/bus"
)

// AppendJSON appends the event as one JSON object without a line break: the keys of the wire format in a fixed order, times
// in RFC 3339. It decodes to the same values as the event's own JSON form, but is safe for a terminal: encoding/json escapes
// the C0 controls only.
func AppendJSON(dst []byte, event *bus.Event) ([]byte, error) {
	encoded, err := event.MarshalJSON()
	if err != nil {
		return dst, fmt.Errorf("show: event %s as JSON: %w", event.ID, err)
	}
	return appendVisibleJSON(dst, encoded), nil
}

// appendVisibleJSON appends compact JSON with escapes for what cannot be seen. That can only stand inside of a string, where
// such an escape means the same, and never right behind a backslash, which only ASCII may follow.
func appendVisibleJSON(dst, encoded []byte) []byte {
	for len(encoded) > 0 {
		r, size := utf8.DecodeRune(encoded)
		switch {
		case visible(r, size):
			dst = append(dst, encoded[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			dst = fmt.Appendf(dst, `\u%04x\u%04x`, high, low)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
		encoded = encoded[size:]
	}
	return dst
}

// VisibleJSON returns compact JSON with escapes for what cannot be seen, for other values than events.
func VisibleJSON(encoded []byte) []byte { return appendVisibleJSON(nil, encoded) }

// WriteJSON writes a value as one JSON object in a line, with one write, as safe for a terminal as [AppendJSON].
func WriteJSON(out io.Writer, value any) error {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("show: JSON: %w", err)
	}
	line := appendVisibleJSON(nil, bytes.TrimSuffix(encoded.Bytes(), []byte("\n")))
	_, err := out.Write(append(line, '\n'))
	return err
}
