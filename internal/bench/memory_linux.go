package bench

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
)

// residentSize returns the resident size of this process, now and at its most, in bytes; zeros if the kernel does not say.
func residentSize() (now, peak uint64) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0
	}
	return parseStatus(data)
}

// parseStatus reads the two lines of /proc/PID/status that say it, in KiB.
func parseStatus(data []byte) (now, peak uint64) {
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		size, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch key {
		case "VmRSS":
			now = size << 10
		case "VmHWM":
			peak = size << 10
		}
	}
	return now, peak
}
