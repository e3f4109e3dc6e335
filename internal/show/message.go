package show

import (
	"errors"
	"io"

	"github.com/tinylib/msgp/msgp"

	"github.com/daemoneye/eventbus/bus"
)

// WriteMessage writes a NATS message as JSON, each line with one Write, for whoever reads the subjects of a bus without one:
//
//   - An event as AppendJSON does. Only a valid event is one.
//   - A batch of events, which is an array of byte strings that begins with an event, as one line an event. What is no event in it
//     is a line as if it was alone.
//   - Any other MessagePack value as the JSON that AppendValue makes of it.
//
// It returns the writer's error, or a [*ValueError] that says at which byte of the message it went wrong; then it has written what comes
// before it in a batch, and otherwise nothing.
func WriteMessage(out io.Writer, message []byte) error {
	line, err := appendLine(nil, message, 0)
	if err != nil {
		return err
	}
	// The message is known to be one value, and whole.
	n, rest, err := msgp.ReadArrayHeaderBytes(message)
	if err != nil || !isBatch(n, rest) {
		_, err := out.Write(line)
		return err
	}
	for range n {
		var element []byte
		if element, rest, err = msgp.ReadBytesZC(rest); err != nil {
			return err
		}
		if line, err = appendLine(line[:0], element, len(message)-len(rest)-len(element)); err != nil {
			return err
		}
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// isBatch reports whether n elements are byte strings of which the first is an event.
func isBatch(n uint32, elements []byte) bool {
	for i := range n {
		var (
			element []byte
			err     error
		)
		if element, elements, err = msgp.ReadBytesZC(elements); err != nil {
			return false
		}
		if i == 0 && readEvent(element) == nil {
			return false
		}
	}
	return n > 0
}

// appendLine appends the line of an event or another value, which begins at that byte of the message.
func appendLine(dst, data []byte, at int) ([]byte, error) {
	start := len(dst)
	dst, err := AppendValue(dst, data)
	if err != nil {
		if failed, ok := errors.AsType[*ValueError](err); ok {
			err = &ValueError{At: failed.At + at, Reason: failed.Reason}
		}
		return dst[:start], err
	}
	if event := readEvent(data); event != nil {
		if dst, err = AppendJSON(dst[:start], event); err != nil {
			return dst[:start], err
		}
	}
	return append(dst, '\n'), nil
}

// readEvent returns the event that is all of the data, nil if there is none.
func readEvent(data []byte) *bus.Event {
	var event bus.Event
	if rest, err := event.UnmarshalMsg(data); err != nil || len(rest) > 0 || event.Validate() != nil {
		return nil
	}
	return &event
}
