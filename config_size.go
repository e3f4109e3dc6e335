package eventbus

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// ByteSize is a number of bytes. Its text is a whole number with a unit, such as 256KiB or 1MB, or without one for bytes.
type ByteSize int64

var errByteSize = errors.New(`must be a size such as "256KiB", "1MB" or a whole number of bytes`)

// UnmarshalText implements [encoding.TextUnmarshaler]. The units are B, kB, MB and GB, powers of 1000, and KiB, MiB and GiB,
// powers of 1024, in upper or lower case. It returns an error, and leaves s alone, for anything else, a negative number, and
// one past 8 EiB.
func (s *ByteSize) UnmarshalText(text []byte) error {
	trimmed := strings.TrimSpace(string(text))
	digits := strings.TrimRight(trimmed, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit, ok := bytesOf(trimmed[len(digits):])
	if !ok {
		return errByteSize
	}
	n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
	if err != nil || n > math.MaxInt64/unit {
		return errByteSize
	}
	*s = ByteSize(n * unit)
	return nil
}

func bytesOf(unit string) (uint64, bool) {
	switch strings.ToLower(unit) {
	case "", "b":
		return 1, true
	case "kb":
		return 1000, true
	case "mb":
		return 1000 * 1000, true
	case "gb":
		return 1000 * 1000 * 1000, true
	case "kib":
		return 1 << 10, true
	case "mib":
		return 1 << 20, true
	case "gib":
		return 1 << 30, true
	}
	return 0, false
}

// String returns the size in the largest binary unit that divides it, such as 256KiB, and otherwise in bytes without a unit.
func (s ByteSize) String() string {
	n, unit := int64(s), ""
	for _, next := range [...]string{"KiB", "MiB", "GiB"} {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, next
	}
	return strconv.FormatInt(n, 10) + unit
}

// MarshalText implements [encoding.TextMarshaler]: the text of String.
func (s ByteSize) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
