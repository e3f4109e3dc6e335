package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/daemoneye/eventbus/embed"
	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/show"
)

// credsCommand is the command line of creds.
type credsCommand struct {
	List   credsList   `cmd:"" help:"Print which credentials there are."`
	Make   credsMake   `cmd:"" help:"Make a credential of a role."`
	Rotate credsRotate `cmd:"" help:"Give a credential a new key; the old one is worth nothing from then on."`
	Revoke credsRevoke `cmd:"" help:"Remove a credential."`
}

// Help is shown below the commands of creds.
func (*credsCommand) Help() string {
	return `A credential is an nkey with a role. The public key, with the role, lies in NAME.pub and the secret seed in NAME.nk, in a directory that
only you can enter. A collector that runs notices each change within two seconds, and disconnects who uses a key that is gone.

Examples:

    eventbus creds list
    eventbus creds make observer --name laptop
    eventbus creds make observer --name phone --out phone.nk
    eventbus creds make process --name sensor-2 --out - | ssh sensor 'umask 77; cat > eventbus.nk'
    eventbus creds rotate observer
    eventbus creds revoke phone
    nats --server nats://127.0.0.1:4222 --nkey ~/.local/state/eventbus/credentials/observer.nk sub 'events.>'

Exit codes: 0 done, 1 error, 2 usage.`
}

// pickedUp is what is said after each change.
const pickedUp = "a collector that runs picks it up within two seconds"

// knownRoles returns the names of the roles that every server has.
func knownRoles() (names []string) {
	for _, role := range embed.Roles() {
		names = append(names, role.Name)
	}
	return names
}

// credentialsPlace says whose credentials are meant.
type credentialsPlace struct {
	Socket string `placeholder:"PATH" xor:"place" help:"The unix socket of the collector whose credentials are meant, if it is not at the usual place."`
	Dir    string `placeholder:"DIR" xor:"place" help:"The directory of the credentials, if it is not where the collector keeps them by default."`
}

// directory returns where the credentials are.
func (p *credentialsPlace) directory() (string, error) {
	if p.Dir != "" {
		return p.Dir, nil
	}
	return credentials.Dir(p.Socket)
}

// open opens the directory, and makes it if it is missing.
func (p *credentialsPlace) open() (*credentials.Store, error) {
	dir, err := p.directory()
	if err != nil {
		return nil, err
	}
	return credentials.Open(dir)
}

// errNoCredentials is the end of an error about a directory that is not there.
var errNoCredentials = errors.New("a collector makes them when it starts, and so does eventbus creds make")

// openExisting opens the directory. The error matches [errNoCredentials] if it is missing.
func (p *credentialsPlace) openExisting() (*credentials.Store, error) {
	dir, err := p.directory()
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no credentials in %s: %w", dir, errNoCredentials)
	}
	return credentials.Open(dir)
}

// credsMake is the command line of creds make.
type credsMake struct {
	credentialsPlace
	Role string `arg:"" help:"What it may be, such as observer."`
	Name string `placeholder:"NAME" help:"The name of the credential, 1 to 64 of a-z, 0-9, _ and -. Default: the role."`
	Out  string `placeholder:"FILE" help:"Hand the seed out into that new file and keep none; - is standard output."`
}

// Help is shown below the flags of creds make.
func (*credsMake) Help() string {
	return `Without --out, the seed is kept beside the public key, and standard output has its path. With it, the seed is nowhere else: the
collector does not need it.

Roles that every server has: ` + strings.Join(knownRoles(), ", ") + `.

Examples:

    eventbus creds make observer --name laptop
    eventbus creds make observer --name phone --out phone.nk

Exit codes: 0 done, 1 error (such as a name that is taken), 2 usage.`
}

// Validate checks names.
func (c *credsMake) Validate() error {
	if c.Name == "" {
		c.Name = c.Role
	}
	if err := credentials.CheckName("ROLE", c.Role); err != nil {
		return err
	}
	return credentials.CheckName("--name", c.Name)
}

// Run makes the credential.
func (c *credsMake) Run(ctx context.Context, s *streams) error {
	store, err := c.open()
	if err != nil {
		return err
	}
	out, err := newSeedFile(c.Out)
	if err != nil {
		return err
	}
	made, seed, err := store.Make(ctx, c.Name, c.Role, c.Out == "")
	if err != nil {
		out.abandon()
		if errors.Is(err, credentials.ErrExists) {
			err = fmt.Errorf("%w: take another --name, or eventbus creds rotate %s", err, c.Name)
		}
		return ended(ctx, err, "while another change was made")
	}
	defer clear(seed)
	if err := out.write(s, seed); err != nil {
		// Nobody has the seed, so nobody can use the credential.
		return errors.Join(err, store.Revoke(context.WithoutCancel(ctx), c.Name))
	}
	if !slices.Contains(knownRoles(), made.Role) {
		fmt.Fprintf(s.stderr, "eventbus: note: %s is none of the roles that every server has, so the server must be told of it\n", made.Role)
	}
	fmt.Fprintf(s.stderr, "eventbus: made credential %s of role %s, key %s: %s\n", made.Name, made.Role, made.Public, pickedUp)
	if made.HasSeed {
		fmt.Fprintln(s.stdout, show.Escape(store.SeedFile(made.Name)))
	}
	return nil
}

// credsRotate is the command line of creds rotate.
type credsRotate struct {
	credentialsPlace
	Name string `arg:"" help:"The name of the credential."`
	Out  string `placeholder:"FILE" help:"Also write the seed to that file, which may hold the old one; - is standard output. Needed if the old seed was handed out."`
}

// Help is shown below the flags of creds rotate.
func (*credsRotate) Help() string {
	return `The name and the role stay. If the old seed was kept, so is the new one, in the same file.

Examples:

    eventbus creds rotate observer
    eventbus creds rotate phone --out phone.nk

Exit codes: 0 done, 1 error (such as a name that is not there), 2 usage.`
}

// Validate checks the name.
func (c *credsRotate) Validate() error { return credentials.CheckName("NAME", c.Name) }

// Run rotates the credential.
func (c *credsRotate) Run(ctx context.Context, s *streams) error {
	store, err := c.openExisting()
	if err != nil {
		return err
	}
	old, err := find(ctx, store, c.Name)
	if err != nil {
		return err
	}
	_, kept := os.Lstat(store.SeedFile(c.Name))
	if c.Out == "" && errors.Is(kept, fs.ErrNotExist) {
		return &codedError{exitUsage, fmt.Errorf("the seed of %s is not kept here: say with --out where the new one goes", c.Name)}
	}
	out, err := seedFileFor(c.Out, old.Public)
	if err != nil {
		return err
	}
	made, seed, err := store.Rotate(ctx, c.Name)
	if err != nil {
		out.abandon()
		return ended(ctx, err, "while another change was made")
	}
	defer clear(seed)
	if err := out.write(s, seed); err != nil {
		return fmt.Errorf("the key of %s is a new one, but its seed could not be written: rotate it again: %w", c.Name, err)
	}
	fmt.Fprintf(s.stderr, "eventbus: rotated credential %s of role %s, key %s: %s\n", made.Name, made.Role, made.Public, pickedUp)
	if c.Out == "" {
		fmt.Fprintln(s.stdout, show.Escape(store.SeedFile(made.Name)))
	}
	return nil
}

// find returns the credential of that name.
func find(ctx context.Context, store *credentials.Store, name string) (credentials.Credential, error) {
	all, skipped, err := store.List(ctx)
	if err != nil {
		return credentials.Credential{}, ended(ctx, err, "while another change was made")
	}
	for _, c := range all {
		if c.Name == name {
			return c, nil
		}
	}
	err = fmt.Errorf("no credential %s in %s", name, store.Dir())
	for _, reason := range skipped { // one of them may be its own file
		err = fmt.Errorf("%w; skipped: %w", err, reason)
	}
	return credentials.Credential{}, err
}

// credsRevoke is the command line of creds revoke.
type credsRevoke struct {
	credentialsPlace
	Name string `arg:"" help:"The name of the credential."`
}

// Help is shown below the flags of creds revoke.
func (*credsRevoke) Help() string {
	return `The public key and the seed are removed, if the seed was kept. Who uses the key is disconnected and gets in no more.

Example: eventbus creds revoke phone

Exit codes: 0 done, 1 error (such as a name that is not there), 2 usage.`
}

// Validate checks the name.
func (c *credsRevoke) Validate() error { return credentials.CheckName("NAME", c.Name) }

// Run revokes the credential.
func (c *credsRevoke) Run(ctx context.Context, s *streams) error {
	store, err := c.openExisting()
	if err != nil {
		return err
	}
	if err := store.Revoke(ctx, c.Name); err != nil {
		return ended(ctx, err, "while another change was made")
	}
	fmt.Fprintf(s.stderr, "eventbus: revoked credential %s: %s\n", c.Name, pickedUp)
	return nil
}
