package credentials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// Store is a directory of credentials. Make one with [Open]; it holds nothing open.
type Store struct{ dir string }

// Open makes the directory, and parents that are missing, with mode 0700. It returns an error that names the path if that exists and
// others can enter it, or it is a link, or no directory, or somebody else's.
func Open(dir string) (*Store, error) {
	if err := rendezvous.PrepareDir(dir); err != nil {
		return nil, err
	}
	return &Store{dir}, nil
}

// Dir returns the directory.
func (s *Store) Dir() string { return s.dir }

// SeedFile returns where the seed of a credential is if it is kept.
func (s *Store) SeedFile(name string) string { return filepath.Join(s.dir, name+seedEnd) }

func (s *Store) publicFile(name string) string { return filepath.Join(s.dir, name+publicEnd) }

// Ensure makes a credential and keeps its seed, if there is none of that name. One that is there stays as it is, also with another
// role; but a rotation that was interrupted is finished. It returns the credential that is there now.
func (s *Store) Ensure(ctx context.Context, name, role string) (Credential, error) {
	if err := checkNames(name, role); err != nil {
		return Credential{}, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return Credential{}, err
	}
	defer unlock()
	c, state, err := s.look(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c, _, err = s.put(name, role, true)
	case err != nil:
	case state.stranger != "":
		// The new seed was written, and its public key was not: the client has it already.
		c.Public, c.Created, c.HasSeed = state.stranger, now(), true
		err = rendezvous.WritePrivate(s.publicFile(name), []byte(formatLine(c)))
	}
	if err != nil {
		return Credential{}, s.failed("ensure", name, err)
	}
	return c, nil
}

// Make makes a credential and returns it with its seed. Unless keep is set, the seed is not stored: what is returned is all that
// there ever is of it. It returns an error that matches [ErrExists] if there is one of that name already.
func (s *Store) Make(ctx context.Context, name, role string, keep bool) (made Credential, seed []byte, err error) {
	if err := checkNames(name, role); err != nil {
		return Credential{}, nil, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return Credential{}, nil, err
	}
	defer unlock()
	// Whatever is there, and if it cannot be read, is not made anew by mistake.
	_, err = os.Lstat(s.publicFile(name))
	switch {
	case err == nil:
		err = ErrExists
	case errors.Is(err, fs.ErrNotExist):
		made, seed, err = s.put(name, role, keep)
	}
	if err != nil {
		return Credential{}, nil, s.failed("make", name, err)
	}
	return made, seed, nil
}

// Rotate puts a new key in the place of a credential's, whose name and role stay, and returns its seed. The seed is stored if the old
// one was. The old key is worth nothing from then on. It returns an error that matches [ErrNotFound] if there is none of that name.
func (s *Store) Rotate(ctx context.Context, name string) (made Credential, seed []byte, err error) {
	if err := CheckName("name", name); err != nil {
		return Credential{}, nil, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return Credential{}, nil, err
	}
	defer unlock()
	old, state, err := s.look(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = ErrNotFound
	case err == nil:
		made, seed, err = s.put(name, old.Role, state.exists)
	}
	if err != nil {
		return Credential{}, nil, s.failed("rotate", name, err)
	}
	return made, seed, nil
}

// Revoke removes a credential and its seed, also if they cannot be read. It returns an error that matches [ErrNotFound] if there is
// neither.
func (s *Store) Revoke(ctx context.Context, name string) error {
	if err := CheckName("name", name); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.remove(name); err != nil {
		return s.failed("revoke", name, err)
	}
	return nil
}

// remove removes the files of a credential. The caller holds the lock.
func (s *Store) remove(name string) error {
	// The public key comes first: it is what a server lets in.
	publicErr := os.Remove(s.publicFile(name))
	if publicErr != nil && !errors.Is(publicErr, fs.ErrNotExist) {
		return publicErr
	}
	seedErr := os.Remove(s.SeedFile(name))
	switch {
	case seedErr != nil && !errors.Is(seedErr, fs.ErrNotExist):
		seedErr = fmt.Errorf("it is revoked, but its seed is still there: %w", seedErr)
	case seedErr != nil && publicErr != nil:
		return ErrNotFound
	default:
		seedErr = nil
	}
	return errors.Join(seedErr, rendezvous.SyncDir(s.dir))
}

// lock waits until this is the only change, and removes what changes before did not finish.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	unlock, err = lockDir(ctx, s.dir)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", s.dir, err)
	}
	if err := s.clean(); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

func (s *Store) clean() error {
	files, err := s.files()
	if err != nil {
		return err
	}
	for _, file := range files {
		if !isUnfinished(file) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// put makes a new key and its files. The caller holds the lock.
func (s *Store) put(name, role string, keep bool) (Credential, []byte, error) {
	seed, public, err := newKey()
	if err != nil {
		return Credential{}, nil, err
	}
	c := Credential{Name: name, Role: role, Public: public, Created: now(), HasSeed: keep}
	// The seed comes first: a client that a server lets in must find its seed there.
	if keep {
		err = rendezvous.WritePrivate(s.SeedFile(name), seed)
	} else if err = os.Remove(s.SeedFile(name)); errors.Is(err, fs.ErrNotExist) {
		err = nil // otherwise it was that of a credential that was not finished
	}
	if err == nil {
		err = rendezvous.WritePrivate(s.publicFile(name), []byte(formatLine(c)))
	}
	if err != nil {
		clear(seed)
		return Credential{}, nil, err
	}
	return c, seed, nil
}

// seedState is what lies beside a credential.
type seedState struct {
	exists   bool
	stranger string // the public key that a seed belongs to, if that is not the credential's
	err      error  // why a seed that exists cannot be used
}

// look reads a credential and what lies beside it. The error matches [fs.ErrNotExist] if there is none. The caller holds the lock.
func (s *Store) look(name string) (Credential, seedState, error) {
	c, err := s.readPublic(name)
	if err != nil {
		return c, seedState{}, err
	}
	if _, err := os.Lstat(s.SeedFile(name)); errors.Is(err, fs.ErrNotExist) {
		return c, seedState{}, nil
	}
	seed, err := ReadSeed(s.SeedFile(name))
	if err != nil {
		return c, seedState{exists: true, err: err}, nil
	}
	defer clear(seed)
	public, err := Public(seed)
	switch {
	case err != nil:
		return c, seedState{exists: true, err: err}, nil
	case public != c.Public:
		return c, seedState{exists: true, stranger: public}, nil
	}
	c.HasSeed = true
	return c, seedState{exists: true}, nil
}

func (s *Store) readPublic(name string) (Credential, error) {
	path := s.publicFile(name)
	content, err := rendezvous.ReadPrivate(path, maxPublicFile)
	if err != nil {
		return Credential{}, err
	}
	c, err := parseLine(string(content))
	if err != nil {
		return Credential{}, &Error{Path: path, Reason: err.Error()}
	}
	c.Name = name
	return c, nil
}

func checkNames(name, role string) error {
	if err := CheckName("name", name); err != nil {
		return err
	}
	return CheckName("role", role)
}

func (s *Store) failed(what, name string, err error) error {
	return fmt.Errorf("%s credential %s in %s: %w", what, name, s.dir, err)
}

// now is the time to the second, which is what files have.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
