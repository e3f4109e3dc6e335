package bus

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// Metadata is a set of short named texts. The values are texts, not arbitrary values, so that an event is the same whether
// it crossed a wire or not: an int would leave as an int and arrive as an int64.
//
// On the wire it is a map. From other publishers, which may think otherwise, scalar values are taken and written
// as text (42, true, 2006-01-02T15:04:05Z); nested ones are skipped.
type Metadata map[string]string

// IsZero reports whether there is no entry: empty metadata does not appear on the wire or in JSON.
func (m Metadata) IsZero() bool { return len(m) == 0 }

// validate checks the lengths. Of several entries that are too long, the error names the first by key: always the same one.
func (m Metadata) validate(field string, maxKey, maxValue int) error {
	if len(m) == 0 {
		return nil // to range over an empty map costs more than all the rest
	}
	first, found := "", false
	for key, value := range m {
		if (len(key) > maxKey || len(value) > maxValue) && (!found || key < first) {
			first, found = key, true
		}
	}
	switch {
	case !found:
		return nil
	case len(first) > maxKey:
		return tooLong(field+" key", first, maxKey)
	}
	printable := strconv.Quote(first)
	return tooLong(field+"."+printable[1:len(printable)-1], m[first], maxValue)
}

// Msgsize implements [msgp.Sizer].
func (m Metadata) Msgsize() int {
	size := msgp.MapHeaderSize
	if len(m) == 0 {
		return size // to range over an empty map costs more than all the rest
	}
	for key, value := range m {
		size += msgp.StringPrefixSize*2 + len(key) + len(value)
	}
	return size
}

// MarshalMsg implements [msgp.Marshaler].
func (m Metadata) MarshalMsg(b []byte) ([]byte, error) {
	b = msgp.AppendMapHeader(b, uint32(len(m)))
	for key, value := range m {
		b = msgp.AppendString(b, key)
		b = msgp.AppendString(b, value)
	}
	return b, nil
}

// UnmarshalMsg implements [msgp.Unmarshaler].
func (m *Metadata) UnmarshalMsg(b []byte) ([]byte, error) {
	if msgp.IsNil(b) {
		*m = nil
		return msgp.ReadNilBytes(b)
	}
	n, entries, err := msgp.ReadMapHeaderBytes(b)
	if err != nil {
		return b, err
	}
	// Every entry takes two bytes at least: a larger count is a lie, and would have us allocate for it.
	if int64(n) > int64(len(entries)/2) {
		return b, msgp.ErrShortBytes
	}
	rest, err := msgp.Skip(b)
	if err != nil {
		return b, err
	}
	// The texts are parts of one copy.
	own := bytes.Clone(entries[:len(entries)-len(rest)])
	out := make(Metadata, n)
	for range n {
		var key, value string
		if key, own, err = readAliased(own); err != nil {
			return b, err
		}
		var ok bool
		if value, ok, own, err = readScalar(own); err != nil {
			return b, msgp.WrapError(err, key)
		}
		if ok {
			out[key] = value
		}
	}
	if *m = out; len(out) == 0 {
		*m = nil // also when all of it was skipped: what is empty is not written
	}
	return rest, nil
}

// readScalar reads any value, and returns a scalar one as text. What has no text form is skipped with ok false.
func readScalar(b []byte) (text string, ok bool, rest []byte, err error) {
	switch msgp.NextType(b) {
	case msgp.StrType:
		text, rest, err = readAliased(b)
		return text, true, rest, err
	case msgp.BoolType:
		var v bool
		v, rest, err = msgp.ReadBoolBytes(b)
		return strconv.FormatBool(v), true, rest, err
	case msgp.IntType:
		var v int64
		v, rest, err = msgp.ReadInt64Bytes(b)
		return strconv.FormatInt(v, 10), true, rest, err
	case msgp.UintType:
		var v uint64
		v, rest, err = msgp.ReadUint64Bytes(b)
		return strconv.FormatUint(v, 10), true, rest, err
	case msgp.Float64Type, msgp.Float32Type:
		var v float64
		v, rest, err = msgp.ReadFloat64Bytes(b)
		return strconv.FormatFloat(v, 'g', -1, 64), true, rest, err
	case msgp.TimeType, msgp.ExtensionType:
		// NextType does not know a time by sight when nothing follows it.
		if v, rest, err := readTime(b); err == nil {
			return v.Format(time.RFC3339Nano), true, rest, nil
		}
	}
	rest, err = msgp.Skip(b)
	return "", false, rest, err
}

// metadataLimit is the error for metadata with too many entries.
func metadataLimit(field string, n, limit int) error {
	return &InvalidError{Field: field, Value: fmt.Sprint(n, " entries"), Reason: fmt.Sprintf("at most %d allowed", limit)}
}
