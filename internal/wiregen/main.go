// Command wiregen rewrites decoders that msgp has generated, for package bus: it runs behind msgp in go generate. The decoders
// that it leaves are not exported, and the texts that they read are parts of their input; for each there is an UnmarshalMsg
// that makes a copy of the input first, once, where msgp makes one of every text. See bus/alias.go.
//
// It fails if the generated code is not what it expects.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
	"regexp"
)

var rewrites = []struct{ pattern, with string }{
	{`// UnmarshalMsg implements msgp\.Unmarshaler\nfunc \(z \*(\w+)\) UnmarshalMsg\(bts \[\]byte\)`,
		`// UnmarshalMsg implements msgp.Unmarshaler
func (z *$1) UnmarshalMsg(b []byte) (o []byte, err error) { return decodeCopy(z, b) }

// decodeAliased is UnmarshalMsg, but the texts of the result are parts of bts
func (z *$1) decodeAliased(bts []byte)`},
	{`\.UnmarshalMsg\(bts\)`, `.decodeAliased(bts)`},
	{`msgp\.ReadStringBytes\(`, `readAliased(`},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("wiregen: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: wiregen FILE")
	}
	if err := rewrite(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func rewrite(name string) error {
	code, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	for _, r := range rewrites {
		pattern := regexp.MustCompile(r.pattern)
		if !pattern.Match(code) {
			return fmt.Errorf("%s: nothing matches %s", name, r.pattern)
		}
		code = pattern.ReplaceAll(code, []byte(r.with))
	}
	if bytes.Contains(code, []byte("StringBytes(")) {
		return fmt.Errorf("%s: a text is read in a way that is not known here", name)
	}
	if code, err = format.Source(code); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, code, 0o644)
}
