package collect

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Flags of a process in its stat file.
const (
	flagForkNoExec   = 0x00000040
	flagKernelThread = 0x00200000
)

// parsedStat is what we take from /proc/PID/stat.
type parsedStat struct {
	name          string
	state         byte
	ppid          uint64
	flags         uint64
	user, system  uint64 // ticks
	threads       uint64
	start         uint64 // ticks since the machine was started
	residentPages uint64
	image         image
}

var errStat = errors.New("malformed stat file")

// parseStat parses the line of a stat file: pid, name in parentheses, state, and numbers. The name can hold anything, spaces
// and parentheses included, so it ends at the last one.
func parseStat(line []byte) (parsedStat, error) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return parsedStat{}, fmt.Errorf("%w: no name", errStat)
	}
	stat := parsedStat{name: string(line[open+1 : end])}
	// Fields are numbered as in proc(5); this loop begins after the second.
	number, rest := 2, line[end+1:]
	for field := range bytes.FieldsSeq(rest) {
		number++
		if number == 3 {
			stat.state = field[0]
			continue
		}
		into := stat.field(number)
		if into == nil {
			continue
		}
		value, err := strconv.ParseUint(string(field), 10, 64)
		if err != nil {
			return parsedStat{}, fmt.Errorf("%w: field %d: %w", errStat, number, err)
		}
		*into = value
	}
	if number < 24 {
		return parsedStat{}, fmt.Errorf("%w: %d fields", errStat, number)
	}
	return stat, nil
}

// field returns where the field of that number belongs, nil if we do not need it.
func (s *parsedStat) field(number int) *uint64 {
	switch number {
	case 4:
		return &s.ppid
	case 9:
		return &s.flags
	case 14:
		return &s.user
	case 15:
		return &s.system
	case 20:
		return &s.threads
	case 22:
		return &s.start
	case 24:
		return &s.residentPages
	// Addresses of the code, the stack and the arguments: exec moves at least one of them. They are the same number for all
	// processes that we may not look into.
	case 26:
		return &s.image[0]
	case 28:
		return &s.image[1]
	case 48:
		return &s.image[2]
	}
	return nil
}

// parseUserID returns the real user id from a status file, "" if there is none.
func parseUserID(status []byte) string {
	for line := range bytes.Lines(status) {
		if ids, ok := bytes.CutPrefix(line, []byte("Uid:")); ok {
			for id := range bytes.FieldsSeq(ids) {
				return string(id)
			}
		}
	}
	return ""
}

// splitArguments splits a cmdline file: each argument ends with a zero byte, but a process may have written over it.
func splitArguments(line []byte) []string {
	if len(line) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
}
