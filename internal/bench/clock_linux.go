package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// clockNow returns nanoseconds of a clock that all processes of this machine share and nobody sets.
func clockNow() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return time.Now().UnixNano()
	}
	return t.Nano()
}

// sleep blocks the thread. The runtime's own timers wake an idle process up to a millisecond late.
func sleep(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&left, nil) // an early end by a signal is the caller's next look at the clock
}
