// Command wiregen rewrites the decoders that msgp has generated for package bus; in go generate it runs behind msgp. msgp
// allocates every text of a value for itself. The rewritten decoder is not exported and leaves texts that are parts of its
// input, and beside it stands a method that moves them into memory of their own, all at once. Both come from the same places in
// the code, so that no text is left behind; one that is read in another way than those known here is still allocated
// by msgp. See alias.go and primitive.go in package bus.
//
// The keys of the types in numbered get numbers, in the order of their fields from 1: their encoders write either, their decoders read
// both. See brief.go in package bus.
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
