package credentials

import (
	"errors"
	"fmt"
)

var (
	// ErrExists is returned when a credential of that name is there already.
	ErrExists = errors.New("there is one of that name already")
	// ErrNotFound is returned when there is no credential of that name.
	ErrNotFound = errors.New("there is none of that name")
)

// InvalidError reports a name or a role that cannot be.
type InvalidError struct {
	Field  string // name or role
	Value  string // as it was given
	Reason string // what is wrong with it
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.Field, e.Value, e.Reason)
}

// Error reports a file that cannot be used. It repeats nothing of the file's content.
type Error struct {
	Path   string // the offending path
	Reason string // what is wrong with it
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Reason) }
