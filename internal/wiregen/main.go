// Command wiregen rewrites the decoders that msgp has generated for package bus; in go generate it runs behind msgp. msgp
// allocates every text of a value for itself. The rewritten decoder is not exported and leaves texts that are parts of its
// input, and beside it stands a method that moves them into memory of their own, all at once. Both come from the same places in
// the code, so that no text is left behind; one that is read in another way than those known here is still allocated
// by msgp. See alias.go and primitive.go in package bus.
//
// The keys of a type get numbers, in the order of its fields from 1: its encoder writes either, its decoder reads both. See brief.go in
// package bus.
//
// It fails if a rewrite has nothing to do: then msgp generates something else than it did.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
	"regexp"
)

var (
	encoder = regexp.MustCompile(`(?s)// MarshalMsg implements msgp\.Marshaler\nfunc \(z \*(\w+)\) MarshalMsg\(b \[\]byte\).*?\n}\n`)
	// written is what writes a key, and read what begins the reading of its value.
	written = regexp.MustCompile(`// string "(\w+)"\n\s*o = append\(o, [^)]*\)`)
	read    = regexp.MustCompile(`case "(\w+)":`)
	// key is what reads one.
	key     = regexp.MustCompile(`(?s)var field \[\]byte\n\s*_ = field(.*)field, bts, err = msgp\.ReadMapKeyZC\(bts\)(.*)switch msgp\.UnsafeString\(field\) \{`)
	decoder = regexp.MustCompile(`(?s)// UnmarshalMsg implements msgp\.Unmarshaler\nfunc \(z \*(\w+)\) UnmarshalMsg\(bts \[\]byte\).*?\n}\n`)
	// text is what reads a text into a field, or into an element of a list.
	text = regexp.MustCompile(`\b(z\.\w+)(\[\w+\])?, bts, err = msgp\.ReadStringBytes\(`)
	// list is what makes room for the elements of a list. It would use a list again that was read before, of which only the part
	// that is used anew would be moved, and would believe any length.
	list = regexp.MustCompile(`if cap\((z\.\w+)\) >= int\((\w+)\) \{\n.*\n\s*\} else \{\n(.*)\n\s*\}`)

	// What package bus has a better way for: it is faster, or takes more.
	better = []struct{ from, to string }{
		{"msgp.ReadTimeUTCBytes(", "readTime("},
		{"msgp.ReadFloat64Bytes(", "readFloat("},
		{"msgp.AppendTimeExt(", "appendTime("},
		{"o = msgp.Require(b, z.Msgsize())", "o = b"},
	}
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("wiregen: ")
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(names []string) error {
	var all []byte
	for _, name := range names {
		before, err := rewrite(name)
		if err != nil {
			return err
		}
		all = append(all, before...)
	}
	for _, known := range []*regexp.Regexp{encoder, written, decoder, key, read, text, list} {
		if !known.Match(all) {
			return fmt.Errorf("nothing in %q matches %s", names, known)
		}
	}
	for _, f := range better {
		if !bytes.Contains(all, []byte(f.from)) {
			return fmt.Errorf("nothing in %q is %s", names, f.from)
		}
	}
	return nil
}

// rewrite changes a file and returns what it was.
func rewrite(name string) (before []byte, err error) {
	before, err = os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	code, err := rewriteKeys(before)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	code = decoder.ReplaceAllFunc(code, rewriteDecoder)
	for _, f := range better {
		code = bytes.ReplaceAll(code, []byte(f.from), []byte(f.to))
	}
	if code, err = format.Source(code); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return before, os.WriteFile(name, code, 0o644)
}

// rewriteKeys gives numbers to the keys of all types.
func rewriteKeys(code []byte) (_ []byte, err error) {
	numbers := make(map[string]map[string]int) // by type and key
	code = decoder.ReplaceAllFunc(code, func(code []byte) []byte {
		typ := string(decoder.FindSubmatch(code)[1])
		if !key.Match(code) {
			return code
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

// maxNumber is the largest that MessagePack has in one byte.
const maxNumber = 0x7f

// rewriteDecoder does so with one method, if it reads texts.
func rewriteDecoder(code []byte) []byte {
	texts := text.FindAllSubmatch(code, -1)
	if len(texts) == 0 {
		return code
	}
	typ := decoder.FindSubmatch(code)[1]
	var size, move bytes.Buffer
	for _, t := range texts {
		field, element := t[1], t[2]
		if len(element) > 0 {
			fmt.Fprintf(&size, "for i := range %s {\nn += len(%s[i])\n}\n", field, field)
			fmt.Fprintf(&move, "for i := range %s {\n%s[i], to = moveText(%s[i], to)\n}\n", field, field, field)
			continue
		}
		fmt.Fprintf(&size, "n += len(%s)\n", field)
		fmt.Fprintf(&move, "%s, to = moveText(%s, to)\n", field, field)
	}
	code = bytes.Replace(code, []byte(") UnmarshalMsg(bts"), []byte(") decodeAliased(bts"), 1)
	code = bytes.Replace(code, []byte("// UnmarshalMsg implements msgp.Unmarshaler"), []byte("// decodeAliased implements aliased"), 1)
	code = text.ReplaceAll(code, []byte("$1$2, bts, err = readAliased("))
	code = list.ReplaceAll(code, []byte("if int($2) > len(bts) {\nerr = msgp.ErrShortBytes\nreturn\n}\n$1 = nil\nif $2 > 0 {\n$3\n}"))
	return fmt.Appendf(code, `
// UnmarshalMsg implements msgp.Unmarshaler
func (z *%[1]s) UnmarshalMsg(bts []byte) (o []byte, err error) { return decode(z, bts) }

// textSize implements aliased
func (z *%[1]s) textSize() (n int) {
%[2]s	return n
}

// moveTexts implements aliased
func (z *%[1]s) moveTexts(to []byte) []byte {
%[3]s	return to
}
`, typ, &size, &move)
}
