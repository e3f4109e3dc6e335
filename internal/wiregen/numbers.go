package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
)

// numbered are the types whose keys have numbers, which are all of the first version. A type that comes later keeps its texts: a bus
// that does not know it hands its bytes on as they are.
var numbered = []string{
	"Correlation", "FilesystemEvent", "HealthEvent", "NetworkEvent", "PerformanceEvent", "ProcessEvent", "TriggerRequest",
}

// maxNumber is the largest that MessagePack has in one byte.
const maxNumber = 0x7f

var (
	encoder = regexp.MustCompile(`(?s)// MarshalMsg implements msgp\.Marshaler\nfunc \(z \*(\w+)\) MarshalMsg\(b \[\]byte\).*?\n}\n`)
	// written is what writes a key, and read what begins the reading of its value.
	written = regexp.MustCompile(`// string "(\w+)"\n\s*o = append\(o, [^)]*\)`)
	read    = regexp.MustCompile(`case "(\w+)":`)
	// key is what reads one.
	key = regexp.MustCompile(`(?s)var field \[\]byte\n\s*_ = field(.*)field, bts, err = msgp\.ReadMapKeyZC\(bts\)(.*)switch msgp\.UnsafeString\(field\) \{`)
)

// rewriteKeys gives numbers to the keys of types.
func rewriteKeys(code []byte) (_ []byte, err error) {
	numbers := make(map[string]map[string]int) // by type and key
	code = decoder.ReplaceAllFunc(code, func(code []byte) []byte {
		typ := string(decoder.FindSubmatch(code)[1])
		if !slices.Contains(numbered, typ) {
			return bytes.ReplaceAll(code, []byte("msgp.ReadMapKeyZC("), []byte("readKey("))
		}
		keys := make(map[string]int)
		numbers[typ] = keys
		var cases bytes.Buffer
		code = read.ReplaceAllFunc(code, func(text []byte) []byte {
			name := string(read.FindSubmatch(text)[1])
			keys[name] = len(keys) + 1
			fmt.Fprintf(&cases, "case %q:\nreturn %d\n", name, keys[name])
			return fmt.Appendf(nil, "case %d: // %s", keys[name], name)
		})
		code = key.ReplaceAll(code, fmt.Appendf(nil, `var field int${1}if len(bts) > 0 && bts[0] <= maxNumber {
field, bts = int(bts[0]), bts[1:]
	} else {
	var text []byte
	text, bts, err = readKey(bts)
	field = number%s(text)
	}${2}switch field {`, typ))
		if len(keys) > maxNumber {
			err = fmt.Errorf("%s has more than %d keys", typ, maxNumber)
		}
		return fmt.Appendf(code, "\n// number%[1]s returns the number of a key, 0 if it has none\nfunc number%[1]s(key []byte) int {\nswitch string(key) {\n%[2]s}\nreturn 0\n}\n", typ, &cases)
	})
	code = encoder.ReplaceAllFunc(code, func(code []byte) []byte {
		typ := string(encoder.FindSubmatch(code)[1])
		if !slices.Contains(numbered, typ) {
			return code
		}
		code = written.ReplaceAllFunc(code, func(text []byte) []byte {
			name := string(written.FindSubmatch(text)[1])
			number, ok := numbers[typ][name]
			if !ok {
				err = fmt.Errorf("%s has a key %q that is not read", typ, name)
			}
			return fmt.Appendf(nil, "o = appendKey(o, brief, %d, \"\\x%02x%s\")", number, 0xa0|len(name), name)
		})
		code = bytes.Replace(code, []byte(") MarshalMsg(b []byte)"), []byte(") marshal(b []byte, brief bool)"), 1)
		code = bytes.Replace(code, []byte("// MarshalMsg implements msgp.Marshaler"), []byte("// marshal implements numbered"), 1)
		return fmt.Appendf(code, "\n// MarshalMsg implements msgp.Marshaler\nfunc (z *%s) MarshalMsg(b []byte) ([]byte, error) { return z.marshal(b, false) }\n", typ)
	})
	return code, err
}
