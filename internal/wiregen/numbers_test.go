package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestATypeThatComesLaterKeepsItsTexts has the code that msgp generates today, for a type that has numbers under another name.
func TestATypeThatComesLaterKeepsItsTexts(t *testing.T) {
	const code = `package x

// MarshalMsg implements msgp.Marshaler
func (z *HealthEvent) MarshalMsg(b []byte) (o []byte, err error) {
	// string "id"
	o = append(o, 0xa2, 0x69, 0x64)
	return
}

// UnmarshalMsg implements msgp.Unmarshaler
func (z *HealthEvent) UnmarshalMsg(bts []byte) (o []byte, err error) {
	var field []byte
	_ = field
	field, bts, err = msgp.ReadMapKeyZC(bts)
	switch msgp.UnsafeString(field) {
	case "id":
	}
	return
}
`
	numbered, err := rewriteKeys([]byte(code))
	require.NoError(t, err)
	require.Contains(t, string(numbered), `appendKey(o, brief, 1, "\xa2id")`)
	require.Contains(t, string(numbered), "case 1: // id")

	later := strings.ReplaceAll(code, "HealthEvent", "LaterEvent")
	got, err := rewriteKeys([]byte(later))
	require.NoError(t, err)
	require.Equal(t, strings.Replace(later, "msgp.ReadMapKeyZC(", "readKey(", 1), string(got))

	_, err = rewriteKeys([]byte(strings.Replace(code, `// string "id"`, `// string "is"`, 1)))
	require.ErrorContains(t, err, "is")
}

// TestEveryNumberedTypeIsThere looks at the names of the types in what was generated.
func TestEveryNumberedTypeIsThere(t *testing.T) {
	var all []byte
	for _, name := range []string{"../../bus/correlation_gen.go", "../../bus/payloads_gen.go"} {
		code, err := os.ReadFile(name)
		require.NoError(t, err)
		all = append(all, code...)
	}
	for _, typ := range numbered {
		require.Contains(t, string(all), "func number"+typ+"(")
	}
}
