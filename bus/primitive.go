package bus

import (
	"encoding/binary"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// The values that most of a message consists of, in the forms that most of them have, are read and written here, because that
// shows in the benchmarks (BenchmarkWire). Every other form and value is msgp's.

// readKey reads the key of a map.
func readKey(b []byte) (key, rest []byte, err error) {
	if n, ok := shortText(b); ok {
		return b[1:n], b[n:], nil
	}
	return msgp.ReadMapKeyZC(b)
}

// readText reads a text.
func readText(b []byte) (text, rest []byte, err error) {
	if n, ok := shortText(b); ok {
		return b[1:n], b[n:], nil
	}
	return msgp.ReadStringZC(b)
}

// shortText returns the size of the text of less than 32 bytes at the start of b.
func shortText(b []byte) (size int, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	size = 1 + int(b[0]&^fixstr)
	return size, b[0]&^0x1f == fixstr && size <= len(b)
}

const (
	fixstr  = 0xa0
	fixext4 = 0xd6
	fixext8 = 0xd7
	typTime = 0xff // the type of the extension: -1
)

// readTime reads a time, in UTC.
func readTime(b []byte) (t time.Time, rest []byte, err error) {
	if len(b) >= 10 && b[0] == fixext8 && b[1] == typTime {
		bits := binary.BigEndian.Uint64(b[2:])
		if nanoseconds := bits >> 34; nanoseconds < 1e9 {
			return time.Unix(int64(bits&(1<<34-1)), int64(nanoseconds)).UTC(), b[10:], nil
		}
	}
	if len(b) >= 6 && b[0] == fixext4 && b[1] == typTime {
		return time.Unix(int64(binary.BigEndian.Uint32(b[2:])), 0).UTC(), b[6:], nil
	}
	return msgp.ReadTimeUTCBytes(b)
}

// readFloat reads a number as a float. A language with one kind of number, such as JavaScript, writes a whole one as an integer.
func readFloat(b []byte) (f float64, rest []byte, err error) {
	switch msgp.NextType(b) {
	case msgp.IntType:
		i, rest, err := msgp.ReadInt64Bytes(b)
		return float64(i), rest, err
	case msgp.UintType:
		u, rest, err := msgp.ReadUint64Bytes(b)
		return float64(u), rest, err
	}
	return msgp.ReadFloat64Bytes(b)
}

// appendTime appends a time.
func appendTime(b []byte, t time.Time) []byte {
	seconds, nanoseconds := t.Unix(), uint64(t.Nanosecond())
	if nanoseconds > 0 && seconds >= 0 && seconds < 1<<34 {
		return binary.BigEndian.AppendUint64(append(b, fixext8, typTime), nanoseconds<<34|uint64(seconds))
	}
	if nanoseconds == 0 && seconds >= 0 && seconds < 1<<32 {
		return binary.BigEndian.AppendUint32(append(b, fixext4, typTime), uint32(seconds))
	}
	return msgp.AppendTimeExt(b, t)
}
