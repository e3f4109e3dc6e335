package collect

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// newProcessReader returns the reader of this host.
func newProcessReader() (processReader, error) {
	// Not from /proc: containers may be shown another uptime there than the one that start times count from.
	var uptime unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &uptime); err != nil {
		return nil, fmt.Errorf("collect: time since boot: %w", err)
	}
	return &procfs{
		root:     os.DirFS("/proc"),
		boot:     time.Now().Add(-time.Duration(uptime.Nano())),
		pageSize: uint64(os.Getpagesize()),
	}, nil
}
