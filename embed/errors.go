package embed

import (
	"fmt"
	"strconv"
)

// OptionError is returned by [Start] for an option that it cannot accept.
type OptionError struct {
	Field  string // name of the field of Options
	Value  string // the offending value as text
	Reason string // the rule that it breaks
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("embed: invalid %s %s: %s", e.Field, strconv.Quote(e.Value), e.Reason)
}

// InUseError is returned by [Start] when a live server holds the socket or its token file.
type InUseError struct {
	Socket  string // path of the socket
	PID     int    // the process that holds it, or 0 if the operating system does not tell
	Process string // name of that process, or empty
}

func (e *InUseError) Error() string {
	switch {
	case e.PID == 0:
		return fmt.Sprintf("embed: %s is in use by another server", e.Socket)
	case e.Process == "":
		return fmt.Sprintf("embed: %s is in use by process %d", e.Socket, e.PID)
	}
	return fmt.Sprintf("embed: %s is in use by %s (process %d)", e.Socket, e.Process, e.PID)
}
