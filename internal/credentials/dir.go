package credentials

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// maxEntries bounds the number of files in a directory. Each credential has at most two.
const maxEntries = 10_000

// The ends of the names of files.
const (
	publicEnd = ".pub"
	seedEnd   = ".nk"
)

// split returns which file of which credential has that name, ok if one has.
func split(file string) (name, end string, ok bool) {
	end = filepath.Ext(file)
	name = strings.TrimSuffix(file, end)
	return name, end, (end == publicEnd || end == seedEnd) && nameGrammar.MatchString(name)
}

// isUnfinished reports whether a file is one of ours that was begun and not finished.
func isUnfinished(file string) bool {
	of, unfinished := rendezvous.IsUnfinished(file)
	_, _, ours := split(of)
	return unfinished && ours
}

// files returns the names of all files of the directory, in no order.
func (s *Store) files() ([]string, error) {
	dir, err := os.Open(s.dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > maxEntries {
		return nil, &Error{Path: s.dir, Reason: fmt.Sprintf("has more than %d files", maxEntries)}
	}
	return names, nil
}
