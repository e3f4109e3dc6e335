//go:build unix

package screen

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// changes are the signals after which the screen has to be drawn anew.
var changes = []os.Signal{syscall.SIGWINCH, syscall.SIGCONT}

func continued(change os.Signal) bool { return change == syscall.SIGCONT }

// stopTime is how long a signal to stop may take. If it has done nothing by then, there is no shell that would let the program go on.
const stopTime = 200 * time.Millisecond

// Stop gives the terminal back to the shell, as control and z do in other programs, and takes it again when the shell lets this one go on.
func (s *Screen) Stop() error {
	if err := s.giveBack(); err != nil {
		return err
	}
	// All of a pipeline stops, as if the terminal had sent the signal.
	err := syscall.Kill(0, syscall.SIGTSTP)
	if err == nil {
		// It takes the process whenever it does; then the time is over when it goes on.
		timer := time.NewTimer(stopTime)
		defer timer.Stop()
		for waiting := true; waiting; {
			select {
			case change := <-s.signals:
				waiting = !continued(change)
			case <-timer.C:
				waiting = false
			}
		}
	} else {
		err = fmt.Errorf("screen: stop: %w", err)
	}
	return errors.Join(err, s.take())
}
