package show

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth bounds how deep values may lie in each other. Readers of JSON have such bounds too.
const maxDepth = 1000

// ValueError reports bytes that are not one MessagePack value.
type ValueError struct {
	At     int    // the first byte of what cannot be read, from 0
	Reason string // what is wrong with it
}

func (e *ValueError) Error() string { return fmt.Sprintf("byte %d: %s", e.At, e.Reason) }

// AppendValue appends a MessagePack value as one JSON value without a line break, in the order in which it was written. Bytes become
// text in base64, timestamps text in RFC 3339 and UTC with as many digits as they have, keys of maps that are no text become the text of
// their JSON form, and floats that JSON has no word for "NaN", "+Inf" and "-Inf". An extension of another type is an object with its
// type as "extension" and its bytes as "data". As in AppendJSON, nothing invisible gets through.
//
// It returns a [*ValueError] if the data is not one value: damaged, cut, more than one, or nested more than 1000 deep.
func AppendValue(dst, data []byte) ([]byte, error) {
	source := bytes.NewReader(data)
	v := valueReader{data: data, source: source, decoder: msgpack.NewDecoder(source)}
	if len(data) == 0 {
		return dst, &ValueError{At: 0, Reason: "there is nothing"}
	}
	out, err := v.append(nil, 0)
	if err != nil {
		return dst, err
	}
	if source.Len() > 0 {
		return dst, &ValueError{At: v.at(), Reason: fmt.Sprintf("%d bytes behind the end of the value", source.Len())}
	}
	return appendVisibleJSON(dst, out), nil
}

// valueReader goes through one value. The decoder reads from source, and not ahead.
type valueReader struct {
	data    []byte
	source  *bytes.Reader
	decoder *msgpack.Decoder
	inKey   bool // whether this is within the key of a map
}

// at is the position of the next byte.
func (v *valueReader) at() int { return len(v.data) - v.source.Len() }

// append appends the next value. The error names the first byte of the innermost value that cannot be read.
func (v *valueReader) append(dst []byte, depth int) ([]byte, error) {
	start := v.at()
	switch {
	case start == len(v.data):
		return dst, &ValueError{At: start, Reason: "the end comes too early"}
	case depth > maxDepth:
		return dst, &ValueError{At: start, Reason: fmt.Sprintf("nested more than %d deep", maxDepth)}
	}
	code := v.data[start]
	var err error
	switch {
	case msgpcode.IsFixedArray(code), code == msgpcode.Array16, code == msgpcode.Array32:
		var n int
		if n, err = v.decoder.DecodeArrayLen(); err == nil {
			return v.appendArray(dst, n, depth+1)
		}
	case msgpcode.IsFixedMap(code), code == msgpcode.Map16, code == msgpcode.Map32:
		var n int
		if n, err = v.decoder.DecodeMapLen(); err == nil {
			return v.appendMap(dst, n, depth+1)
		}
	case msgpcode.IsExt(code):
		dst, err = v.appendExtension(dst)
	default:
		dst, err = v.appendScalar(dst, code)
	}
	switch {
	case err == nil:
		return dst, nil
	case v.source.Len() == 0:
		return dst, &ValueError{At: start, Reason: "the end comes in the middle of what begins here"}
	}
	return dst, &ValueError{At: start, Reason: err.Error()}
}

// take returns the next n bytes, which are part of the data. The decoder would make room for as many as a length says, before it
// looks how many there are.
func (v *valueReader) take(n int) ([]byte, error) {
	start, left := v.at(), v.source.Len()
	if _, err := v.source.Seek(int64(min(n, left)), io.SeekCurrent); err != nil {
		return nil, err
	}
	if n > left {
		return nil, io.ErrUnexpectedEOF
	}
	return v.data[start : start+n], nil
}

func (v *valueReader) appendScalar(dst []byte, code byte) (_ []byte, err error) {
	var value any
	switch {
	case code == msgpcode.Nil:
		err = v.decoder.DecodeNil()
	case code == msgpcode.True, code == msgpcode.False:
		value, err = v.decoder.DecodeBool()
	case code == msgpcode.Float:
		var f float32
		f, err = v.decoder.DecodeFloat32()
		if value = f; notInJSON(float64(f)) {
			value = float64(f)
		}
	case code == msgpcode.Double:
		value, err = v.decoder.DecodeFloat64()
	case code == msgpcode.Uint64:
		value, err = v.decoder.DecodeUint64()
	case msgpcode.IsFixedNum(code), code >= msgpcode.Uint8 && code <= msgpcode.Int64:
		value, err = v.decoder.DecodeInt64()
	case msgpcode.IsString(code), msgpcode.IsBin(code):
		var n int
		if n, err = v.decoder.DecodeBytesLen(); err != nil {
			return dst, err
		}
		var content []byte
		if content, err = v.take(n); msgpcode.IsString(code) {
			value = string(content)
		} else {
			value = content
		}
	default:
		return dst, fmt.Errorf("0x%02x begins no MessagePack value", code)
	}
	if err != nil {
		return dst, err
	}
	if f, ok := value.(float64); ok && notInJSON(f) {
		value = strconv.FormatFloat(f, 'g', -1, 64)
	}
	return appendPlainJSON(dst, value)
}

// notInJSON reports whether JSON has no word for a number.
func notInJSON(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) }

func (v *valueReader) appendArray(dst []byte, n, depth int) (_ []byte, err error) {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = v.append(dst, depth); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (v *valueReader) appendMap(dst []byte, n, depth int) (_ []byte, err error) {
	dst = append(dst, '{')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = v.appendKey(dst, depth); err != nil {
			return dst, err
		}
		dst = append(dst, ':')
		if dst, err = v.append(dst, depth); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (v *valueReader) appendKey(dst []byte, depth int) ([]byte, error) {
	start, outside := v.at(), !v.inKey
	v.inKey = true
	key, err := v.append(nil, depth)
	v.inKey = !outside
	switch {
	case err != nil:
		return dst, err
	case key[0] == '"':
		return append(dst, key...), nil
	case !outside && (key[0] == '{' || key[0] == '['):
		// Each level would double the text, because its quotes need escapes.
		return dst, &ValueError{At: start, Reason: "a map, array or extension is a key within a key"}
	}
	return appendPlainJSON(dst, string(key))
}

// timestamp is the type of MessagePack's own extension.
const timestamp = -1

func (v *valueReader) appendExtension(dst []byte) ([]byte, error) {
	start := v.at()
	id, size, err := v.decoder.DecodeExtHeader()
	if err != nil {
		return dst, err
	}
	content, err := v.take(size)
	if err != nil {
		return dst, err
	}
	if id == timestamp && (size == 4 || size == 8 || size == 12) {
		t, err := msgpack.NewDecoder(bytes.NewReader(v.data[start:v.at()])).DecodeTime()
		if err != nil {
			return dst, err
		}
		return appendPlainJSON(dst, t.UTC().Format(time.RFC3339Nano))
	}
	return appendPlainJSON(dst, extension{id, content})
}

// extension is the form of an extension that is no timestamp.
type extension struct {
	Type int8   `json:"extension"`
	Data []byte `json:"data"`
}

// appendPlainJSON appends the JSON of a value. As in the JSON of events, <, > and & stay as they are.
func appendPlainJSON(dst []byte, value any) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return dst, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
