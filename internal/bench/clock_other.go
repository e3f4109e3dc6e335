//go:build !linux

package bench

import "time"

// clockNow returns nanoseconds of a clock that all processes of this machine share.
func clockNow() int64 { return time.Now().UnixNano() }

func sleep(d time.Duration) { time.Sleep(d) }
