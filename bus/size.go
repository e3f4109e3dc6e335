package bus

import "encoding/binary"

// valueSize returns how many bytes the MessagePack value at the start of b takes; all of them if it is cut short or is none. It
// is msgp.Skip in a third of the time: copying an event begins with it.
func valueSize(b []byte) int {
	size := uint64(len(b))
	var at uint64
	for values := uint64(1); values > 0 && at < size; values-- {
		lead := b[at]
		if n := sizes[lead]; n > 0 {
			at += uint64(n)
			continue
		}
		at++
		rest := b[at:]
		switch {
		case lead <= 0x8f: // map
			values += 2 * uint64(lead&0x0f)
		case lead <= 0x9f: // array
			values += uint64(lead & 0x0f)
		case lead == 0xc4 || lead == 0xd9: // bin 8, str 8
			at += 1 + length(rest, 1)
		case lead == 0xc5 || lead == 0xda:
			at += 2 + length(rest, 2)
		case lead == 0xc6 || lead == 0xdb:
			at += 4 + length(rest, 4)
		case lead == 0xc7: // ext 8
			at += 2 + length(rest, 1)
		case lead == 0xc8:
			at += 3 + length(rest, 2)
		case lead == 0xc9:
			at += 5 + length(rest, 4)
		case lead == 0xdc: // array 16
			values += length(rest, 2)
			at += 2
		case lead == 0xdd:
			values += length(rest, 4)
			at += 4
		case lead == 0xde: // map 16
			values += 2 * length(rest, 2)
			at += 2
		case lead == 0xdf:
			values += 2 * length(rest, 4)
			at += 4
		default: // 0xc1, which nothing begins with
			return len(b)
		}
	}
	return int(min(at, size))
}

// length reads the length of a value, in that many bytes; 0 if b has fewer, and then b ends before the value anyway.
func length(b []byte, width int) uint64 {
	switch {
	case len(b) < width:
		return 0
	case width == 1:
		return uint64(b[0])
	case width == 2:
		return uint64(binary.BigEndian.Uint16(b))
	}
	return uint64(binary.BigEndian.Uint32(b))
}

// sizes has the size of the values that begin with a byte, 0 if that byte does not tell.
var sizes = func() (sizes [256]uint8) {
	for lead := range sizes {
		switch {
		case lead <= 0x7f, lead >= 0xe0, lead == 0xc0, lead == 0xc2, lead == 0xc3: // small numbers, nil, booleans
			sizes[lead] = 1
		case lead >= 0xa0 && lead <= 0xbf: // short texts
			sizes[lead] = 1 + uint8(lead&0x1f)
		case lead >= 0xca && lead <= 0xd3: // numbers
			sizes[lead] = 1 + [...]uint8{4, 8, 1, 2, 4, 8, 1, 2, 4, 8}[lead-0xca]
		case lead >= 0xd4 && lead <= 0xd8: // extensions
			sizes[lead] = 2 + 1<<(lead-0xd4)
		}
	}
	return sizes
}()
