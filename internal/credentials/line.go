package credentials

import (
	"errors"
	"strings"
	"time"
)

// maxPublicFile bounds the size of a .pub file, in bytes. The longest has 144.
const maxPublicFile = 256

// formatLine returns the content of the .pub file of a credential.
func formatLine(c Credential) string {
	return c.Role + " " + c.Public + " " + c.Created.UTC().Format(time.RFC3339) + "\n"
}

// parseLine reads the content of a .pub file, whose name it does not know. It is strict, since the line is a permission: it accepts what
// formatLine writes, and that without its line break. The error says which part is wrong and does not repeat it: what lies in the
// wrong file may be a secret.
func parseLine(content string) (Credential, error) {
	var c Credential
	parts := strings.Split(strings.TrimSuffix(content, "\n"), " ")
	if len(parts) != 3 {
		return c, errors.New("is not one line of role, public key and time")
	}
	c.Role, c.Public = parts[0], parts[1]
	if !nameGrammar.MatchString(c.Role) {
		return c, errors.New("the role is not 1 to 64 of a-z, 0-9, _ and -")
	}
	if !isPublic(c.Public) {
		return c, errors.New("the second word is not the public nkey of a user")
	}
	var err error
	if c.Created, err = time.Parse(time.RFC3339, parts[2]); err != nil || c.Created.Format("2006-01-02T15:04:05Z") != parts[2] {
		return c, errors.New("the time is not of the form 2006-01-02T15:04:05Z")
	}
	return c, nil
}
