package credentials

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// List returns the credentials by name. What lies in the directory beside them, or cannot be used, is skipped: it is an error of its
// own that names the path. HasSeed says that a seed is there and belongs to the key. List waits for changes that are being made.
func (s *Store) List(ctx context.Context) (credentials []Credential, skipped []error, err error) {
	unlock, err := lockDir(ctx, s.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("lock %s: %w", s.dir, err)
	}
	defer unlock()
	names, seeds, skipped, err := s.names()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		delete(seeds, name)
		c, state, err := s.look(name)
		switch {
		case err != nil:
			skipped = append(skipped, err)
			continue
		case state.err != nil:
			skipped = append(skipped, state.err)
		case state.stranger != "":
			skipped = append(skipped, &Error{Path: s.SeedFile(name), Reason: "belongs to another key than " + name + publicEnd + ": rotate it"})
		}
		credentials = append(credentials, c)
	}
	for name := range seeds {
		skipped = append(skipped, &Error{Path: s.SeedFile(name), Reason: "is the seed of a credential that is not there: revoke it"})
	}
	return credentials, sorted(skipped), nil
}

func sorted(errs []error) []error {
	slices.SortFunc(errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errs
}

// names returns whose files are there: by name those with a public key, and those with a seed. What is neither is skipped.
func (s *Store) names() (public []string, seeds map[string]bool, skipped []error, err error) {
	files, err := s.files()
	if err != nil {
		return nil, nil, nil, err
	}
	seeds = make(map[string]bool)
	for _, file := range files {
		name, end, ok := split(file)
		switch {
		case ok && end == publicEnd:
			public = append(public, name)
		case ok:
			seeds[name] = true
		case file != lockFile && !isUnfinished(file):
			skipped = append(skipped, &Error{Path: filepath.Join(s.dir, file), Reason: "is not the file of a credential"})
		}
	}
	slices.Sort(public)
	return public, seeds, skipped, nil
}
