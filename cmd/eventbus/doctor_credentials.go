package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/rendezvous"
)

// checkCredentialsDirectory looks at where the collector keeps the keys of its clients.
func checkCredentialsDirectory(_ context.Context, e *examination) ([]finding, string) {
	if !e.located {
		return nil, notLocated
	}
	if e.place.user != 0 {
		return nil, "the credentials are another user's"
	}
	if e.credentialsDir == "" {
		dir, err := credentials.Dir(e.place.socket)
		if err != nil {
			return found("Set $HOME or $XDG_STATE_HOME, or event_bus.nats.credentials_dir", "%v", err), ""
		}
		e.credentialsDir = dir
	}
	return checkDirectory(e.credentialsDir, 0, rendezvous.PrepareDir, "700")
}

// checkCredentials looks at each of the keys.
func checkCredentials(ctx context.Context, e *examination) ([]finding, string) {
	store, skipped := e.store()
	if skipped != "" {
		return nil, skipped
	}
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	all, unusable, err := store.List(limited)
	if errors.Is(err, context.DeadlineExceeded) {
		return found("Find out which eventbus creds hangs, and end it", "Somebody has been changing the credentials in %s for longer than %v", store.Dir(), probeTimeout), ""
	}
	if err != nil {
		return found(permissionRemedy(store.Dir(), "700"), "The credentials cannot be read: %v", err), ""
	}
	e.credentials, e.listed = all, true
	var findings []finding
	for _, err := range unusable {
		findings = append(findings, found(credentialRemedy(err), "%v", err)...)
	}
	return findings, ""
}

// store opens the credentials if there are any.
func (e *examination) store() (*credentials.Store, string) {
	if e.credentialsDir == "" || e.place.user != 0 {
		return nil, "the place of the credentials is not known"
	}
	if _, err := os.Lstat(e.credentialsDir); errors.Is(err, fs.ErrNotExist) {
		return nil, e.credentialsDir + " is not there yet: a collector makes it"
	}
	store, err := credentials.Open(e.credentialsDir)
	if err != nil {
		return nil, "the directory cannot be used"
	}
	return store, ""
}

// credentialRemedy says what to do about a file that cannot be used.
func credentialRemedy(err error) string {
	if place, ok := errors.AsType[*rendezvous.Error](err); ok {
		return permissionRemedy(place.Path, "600")
	}
	if file, ok := errors.AsType[*credentials.Error](err); ok {
		name := filepath.Base(file.Path)
		base, known := strings.CutSuffix(name, ".nk")
		if !known {
			base, known = strings.CutSuffix(name, ".pub")
		}
		if known && credentials.CheckName("name", base) == nil {
			return fmt.Sprintf("Run eventbus creds rotate %s, or eventbus creds revoke %s", base, base)
		}
	}
	return "Move it out of the directory"
}

// checkListenerCredentials looks whether anybody could come in by the listener.
func checkListenerCredentials(_ context.Context, e *examination) ([]finding, string) {
	switch {
	case e.listens == "":
		return nil, "the server has no listener"
	case !e.listed:
		return nil, "the credentials could not be read"
	case len(e.credentials) > 0:
		return nil, ""
	}
	return found("Run eventbus creds make observer", "The server listens at %s, but there is no credential in %s: nobody gets in there", e.listens, e.credentialsDir), ""
}
