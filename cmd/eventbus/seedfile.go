package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// seedFile is where a seed is handed out to: a file of mode 0600, standard output if the path is -, or nowhere if it is "".
type seedFile struct {
	path string
	made bool // whether the file is there only to keep the place
}

// newSeedFile returns a place for a seed that no file holds yet. It is taken before there is a seed, so that none is lost because it
// could not be written.
func newSeedFile(path string) (*seedFile, error) {
	if path == "" || path == "-" {
		return &seedFile{path: path}, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("--out: %s is there already, and is left alone", path)
	}
	if err != nil {
		return nil, fmt.Errorf("--out: %w", err)
	}
	return &seedFile{path, true}, file.Close()
}

// seedFileFor is newSeedFile that takes a file with the seed of that public key, too.
func seedFileFor(path, public string) (*seedFile, error) {
	if path == "-" {
		return newSeedFile(path)
	}
	if seed, err := credentials.ReadSeed(path); err == nil {
		defer clear(seed)
		if own, err := credentials.Public(seed); err == nil && own == public {
			return &seedFile{path: path}, nil
		}
	}
	return newSeedFile(path)
}

// abandon gives the place up.
func (f *seedFile) abandon() {
	if f.made {
		_ = os.Remove(f.path) // it is empty
	}
}

// write writes the seed. If that fails, the file is as it was.
func (f *seedFile) write(s *streams, seed []byte) error {
	switch f.path {
	case "":
		return nil
	case "-":
		_, err := fmt.Fprintf(s.stdout, "%s\n", seed)
		return err
	}
	err := rendezvous.WritePrivate(f.path, seed)
	if err != nil {
		f.abandon()
	}
	return err
}
