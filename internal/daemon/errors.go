package daemon

import (
	"errors"
	"fmt"

	"github.com/daemoneye/eventbus/embed"
)

// Explain says what to do about a socket that another process holds. Other errors stay as they are.
func Explain(err error) error {
	inUse, ok := errors.AsType[*embed.InUseError](err)
	if !ok {
		return err
	}
	holder := "another server"
	if inUse.PID != 0 {
		holder = fmt.Sprintf("process %d (%s)", inUse.PID, inUse.Process)
	}
	return fmt.Errorf("%s already listens on %s: stop it, or choose another --socket", holder, inUse.Socket)
}
