package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

const (
	// leastFiles is what a server needs for its clients, its collectors for what they read, and both for a bad day.
	leastFiles = 1024
	// mostUsed is which part of the open files that it may have a process should use, in percent.
	mostUsed = 80
)

// checkFileLimit looks at how many files the server's process may have open, and how many it has.
func checkFileLimit(_ context.Context, e *examination) ([]finding, string) {
	if !e.serving || e.pid == 0 {
		return nil, notServing
	}
	limit, err := openFilesLimit(e.pid)
	if err != nil {
		return nil, fmt.Sprintf("process %d: %v", e.pid, err)
	}
	const remedy = "Start it with a higher limit: ulimit -n 65536, or LimitNOFILE=65536 for systemd"
	if limit < leastFiles {
		return found(remedy, "Process %d, which serves, may have %d files open: each client takes one, and beyond that it accepts nobody", e.pid, limit), ""
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", e.pid))
	if err != nil {
		return nil, fmt.Sprintf("process %d: %v", e.pid, err)
	}
	if used := uint64(len(files)); used*100 > limit*mostUsed {
		return found(remedy, "Process %d, which serves, has %d files open, of %d that it may have", e.pid, used, limit), ""
	}
	return nil, ""
}

// openFilesLimit returns the soft limit of a process; one without a limit has the largest number.
func openFilesLimit(pid int) (uint64, error) {
	file, err := os.Open(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), "Max open files")
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			break
		}
		if fields[0] == "unlimited" {
			return 1 << 62, nil
		}
		return strconv.ParseUint(fields[0], 10, 64)
	}
	return 0, fmt.Errorf("its limits do not say how many files it may have open: %w", lines.Err())
}
