package credentials

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/nats-io/nkeys"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// maxSeedFile bounds the size of a file with a seed, in bytes. A seed has 58.
const maxSeedFile = 256

// The texts of keys, exactly: the decoder of nkeys passes over line breaks.
var (
	publicGrammar = regexp.MustCompile(`^U[A-Z2-7]{55}$`)
	seedGrammar   = regexp.MustCompile(`^SU[A-Z2-7]{56}$`)
)

// ReadSeed returns the seed of a client from a file with nothing else in it but white space.
//
// It returns an error that names the path if the file is not this user's alone, is a link, or holds anything else than the seed of
// a user; and one that matches [io/fs.ErrNotExist] if there is none.
func ReadSeed(path string) ([]byte, error) {
	content, err := rendezvous.ReadPrivate(path, maxSeedFile)
	if err != nil {
		return nil, err
	}
	seed := bytes.TrimSpace(content)
	if _, err := Public(seed); err != nil {
		clear(content)
		return nil, &Error{Path: path, Reason: "does not hold the seed of a user and nothing else"}
	}
	return seed, nil
}

// Public returns the public key that belongs to the seed of a user.
func Public(seed []byte) (string, error) {
	if !seedGrammar.Match(seed) {
		return "", errors.New("not the seed of a user")
	}
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		return "", errors.New("not the seed of a user")
	}
	defer pair.Wipe()
	return pair.PublicKey()
}

// newKey returns a new seed and its public key.
func newKey() (seed []byte, public string, err error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, "", fmt.Errorf("no new key: %w", err)
	}
	defer pair.Wipe()
	if public, err = pair.PublicKey(); err != nil {
		return nil, "", fmt.Errorf("no new key: %w", err)
	}
	own, err := pair.Seed()
	if err != nil {
		return nil, "", fmt.Errorf("no new key: %w", err)
	}
	return bytes.Clone(own), public, nil // Wipe clears the original
}

// isPublic reports whether a text is the public key of a user.
func isPublic(text string) bool {
	return publicGrammar.MatchString(text) && nkeys.IsValidPublicUserKey(text)
}
