package credentials

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// Snapshot is what a server lets in, as the directory was at one time. It is not changed any more, so it may be read by everybody.
type Snapshot struct {
	Keys    map[string]Credential // by their public keys
	Skipped []error               // what could not be used, each with its path, in order

	dir     fs.FileInfo // before anything was read; nil if there was none
	settled bool        // whether a later change must show in the time of the directory
}

// settling is how far apart two changes must be at most to get different times: two seconds, on the worst of file systems.
const settling = 2 * time.Second

// maxRounds bounds how often Load begins anew because of a change. A later Changed tells of what it missed.
const maxRounds = 3

// Load reads what is there, but no seed: HasSeed says that there is one, of whatever key. If a key stands in two files, the first by name
// counts. A directory that is gone has none. Load does not wait for changes. It returns an error if the directory cannot be read, or
// is not this user's alone any more.
func (s *Store) Load() (*Snapshot, error) {
	for round := 1; ; round++ {
		snapshot, err := s.load()
		if err != nil {
			return nil, err
		}
		if round == maxRounds || !s.differs(snapshot) {
			return snapshot, nil
		}
	}
}

// Changed reports whether Load would, or could, return something else than it did then. It reads no file, but asks for the time of the
// directory; for two seconds after a change it says yes without a new one, since that time may be too coarse to tell.
func (s *Store) Changed(since *Snapshot) bool { return !since.settled || s.differs(since) }

func (s *Store) differs(snapshot *Snapshot) bool {
	info, err := os.Lstat(s.dir)
	if snapshot.dir == nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return err != nil || !os.SameFile(info, snapshot.dir) || !info.ModTime().Equal(snapshot.dir.ModTime())
}

func (s *Store) load() (*Snapshot, error) {
	snapshot := &Snapshot{Keys: make(map[string]Credential)}
	info, err := os.Lstat(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		snapshot.settled = true
		return snapshot, nil
	}
	if err != nil {
		return nil, err
	}
	snapshot.dir, snapshot.settled = info, time.Since(info.ModTime()) > settling
	if err := rendezvous.PrepareDir(s.dir); err != nil {
		return nil, err
	}
	names, seeds, skipped, err := s.names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		c, err := s.readPublic(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was revoked just now
		}
		if err != nil {
			skipped = append(skipped, err)
			continue
		}
		if first, taken := snapshot.Keys[c.Public]; taken {
			skipped = append(skipped, &Error{Path: s.publicFile(name), Reason: "has the same key as " + first.Name + publicEnd})
			continue
		}
		c.HasSeed = seeds[name]
		snapshot.Keys[c.Public] = c
	}
	snapshot.Skipped = sorted(skipped)
	return snapshot, nil
}
