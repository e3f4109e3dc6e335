package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/natsurl"
	"github.com/daemoneye/eventbus/internal/rendezvous"
	"github.com/daemoneye/eventbus/internal/show"
)

// contextCommand is the command line of context.
type contextCommand struct {
	credentialsPlace
	Name  string `arg:"" optional:"" default:"eventbus" help:"The name of the context. Default: eventbus"`
	Role  string `placeholder:"ROLE" help:"Use the credential of that role. Default: observer. With --creds, the role that the seed has."`
	URL   string `name:"url" placeholder:"URL" help:"The NATS server, if it is not the collector that runs, such as nats://host:4222."`
	Creds string `placeholder:"FILE" help:"A file with the seed to use, if it is not one of this collector's credentials."`
	CA    string `name:"ca" placeholder:"FILE" help:"The authorities (PEM) that the certificate of --url may be of, if not the system's."`
	Force bool   `help:"Also replace a context that was not written by this command."`
}

// defaultRole is what people should be: it reads, and publishes nothing.
const defaultRole = "observer"

// Help is shown below the flags of context.
func (*contextCommand) Help() string {
	return `The nats CLI keeps what it connects to in contexts: files in nats/context of $XDG_CONFIG_HOME, else of ~/.config. This writes one for
the collector that runs, which must have a loopback listener (collector --listen 127.0.0.1:0) or a proxy in front of it (eventbus proxy).
With port 0 either gets another port at each start, so run this again then. The file holds the path of a seed, not the seed.

Examples:

    eventbus context
    eventbus context agent --role agent
    eventbus context far --url nats://host:4222 --creds phone.nk --role observer
    nats --context eventbus sub 'events.>' --translate 'eventbus decode'

Exit codes: 0 done, 1 error (such as a context of that name that is not ours), 2 usage, 3 no collector with a loopback listener runs.`
}

// contextName is stricter than the nats CLI: the name is a part of a command for people to copy.
var contextName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// Validate checks what can be checked without looking at files.
func (c *contextCommand) Validate() error {
	if !contextName.MatchString(c.Name) || strings.HasPrefix(c.Name, "-") {
		return fmt.Errorf("the name %q of the context may have letters, digits, _, -, and dots between them", c.Name)
	}
	if c.Role != "" {
		if err := credentials.CheckName("--role", c.Role); err != nil {
			return err
		}
	}
	if c.CA != "" && c.URL == "" {
		return errNoURL
	}
	if c.URL != "" {
		if _, err := natsurl.Servers(c.URL); err != nil {
			return fmt.Errorf("--url: %w", err)
		}
	}
	return nil
}

// natsContext is a context of the nats CLI, as far as it is needed here. Missing fields are empty to it.
type natsContext struct {
	Description string `json:"description"`
	URL         string `json:"url"`
	NKey        string `json:"nkey"`         // the path of a seed
	CA          string `json:"ca,omitempty"` // the path of the authorities of the server's certificate
	InboxPrefix string `json:"inbox_prefix"` // a role may listen below this one only
}

// ourDescription begins the description of each context that this command has written, and tells it from others.
const ourDescription = "Written by eventbus context: "

// Run writes the context.
func (c *contextCommand) Run(ctx context.Context, s *streams) error {
	server, err := c.server(ctx)
	if err != nil {
		return err
	}
	seed, role, err := c.seed(ctx)
	if err != nil {
		return err
	}
	if c.CA != "" {
		if c.CA, err = filepath.Abs(c.CA); err != nil {
			return err
		}
	}
	path, err := contextFile(s.getenv, c.Name)
	if err != nil {
		return err
	}
	shown, err := natsurl.Servers(server)
	if err != nil {
		return err
	}
	err = c.write(path, natsContext{
		Description: ourDescription + "role " + role + " at " + shown, URL: server, NKey: seed, CA: c.CA, InboxPrefix: "_INBOX_" + role,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(s.stderr, "eventbus: wrote %s: role %s at %s; now run, as it is or with --translate 'eventbus decode':\n", show.Escape(path), role, shown)
	fmt.Fprintf(s.stdout, "nats --context %s sub 'events.>'\n", c.Name)
	return nil
}

// dialTimeout bounds the attempt to reach the listener, which is on this machine.
const dialTimeout = time.Second

// server returns the URL of --url, or that of the loopback listener of the collector that runs, or of a proxy in front of it.
func (c *contextCommand) server(ctx context.Context) (string, error) {
	if c.URL != "" {
		return c.URL, nil
	}
	socket := c.Socket
	if socket == "" {
		var err error
		if socket, err = rendezvous.DefaultSocket(); err != nil {
			return "", err
		}
	}
	for _, way := range []struct {
		file string
		read func(string) (string, error)
	}{{rendezvous.ListenFile(socket), rendezvous.ReadListen}, {rendezvous.ProxyFile(socket), rendezvous.ReadProxy}} {
		// The directory is checked first, and its modes are not what matters if nothing is in it.
		if _, err := os.Lstat(way.file); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		server, err := way.read(socket)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		if _, err := natsurl.Servers(server); err != nil {
			return "", fmt.Errorf("%s: %w", way.file, err)
		}
		// Who was killed has left the file behind.
		if dial(ctx, server) == nil {
			return server, nil
		}
	}
	return "", &codedError{exitNothing, fmt.Errorf("no collector with a loopback listener runs at %s: start it with --listen 127.0.0.1:0, or eventbus proxy", socket)}
}

func dial(ctx context.Context, server string) error {
	u, err := url.Parse(server)
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	return conn.Close()
}

// seed returns the absolute path of the seed to use, and its role.
func (c *contextCommand) seed(ctx context.Context) (path, role string, err error) {
	path, role, err = c.pick(ctx)
	if err != nil {
		return "", "", err
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", "", err
	}
	if strings.Contains(path, "$") {
		return "", "", fmt.Errorf("%s: the nats CLI would take what follows the $ in the path for a variable", path)
	}
	return path, role, nil
}

func (c *contextCommand) pick(ctx context.Context) (path, role string, err error) {
	if c.Creds == "" {
		role = c.Role
		if role == "" {
			role = defaultRole
		}
		path, err = c.seedOf(ctx, role)
		return path, role, err
	}
	seed, err := credentials.ReadSeed(c.Creds)
	if err != nil {
		return "", "", fmt.Errorf("--creds: %w", err)
	}
	defer clear(seed)
	if c.Role != "" {
		return c.Creds, c.Role, nil
	}
	public, err := credentials.Public(seed)
	if err != nil {
		return "", "", err
	}
	if store, err := c.openExisting(); err == nil {
		if known, err := store.Load(); err == nil && known.Keys[public].Role != "" {
			return c.Creds, known.Keys[public].Role, nil
		}
	}
	return "", "", &codedError{exitUsage, fmt.Errorf("--creds: nothing here knows the key of %s: say with --role what it may be", c.Creds)}
}

// seedOf returns the path of the seed of a credential with the role: of the one with the same name, if there is one.
func (c *credentialsPlace) seedOf(ctx context.Context, role string) (path string, err error) {
	store, err := c.openExisting()
	if err != nil {
		return "", err
	}
	all, _, err := store.List(ctx)
	if err != nil {
		return "", ended(ctx, err, "while a change was made")
	}
	for _, credential := range all {
		if credential.Role == role && credential.HasSeed && (path == "" || credential.Name == role) {
			path = store.SeedFile(credential.Name)
		}
	}
	if path == "" {
		return "", fmt.Errorf("no credential of role %s with its seed in %s: make one with eventbus creds make %s", role, store.Dir(), role)
	}
	return path, nil
}

// contextFile returns where the nats CLI looks for a context. It takes the home directory from the system, not from $HOME.
func contextFile(getenv func(string) string, name string) (string, error) {
	config := getenv("XDG_CONFIG_HOME")
	if config == "" {
		me, err := user.Current()
		if err != nil {
			return "", fmt.Errorf("no place for the context: %w", err)
		}
		if me.HomeDir == "" {
			return "", errors.New("no place for the context: the user has no home directory")
		}
		config = filepath.Join(me.HomeDir, ".config")
	}
	return filepath.Join(config, "nats", "context", name+".json"), nil
}

// maxContext bounds the size of a context that is looked at, in bytes.
const maxContext = 1 << 20

// write writes the context, unless somebody else has written the one that is there.
func (c *contextCommand) write(path string, content natsContext) error {
	if !c.Force {
		if err := checkOurs(path); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return rendezvous.WritePrivate(path, append(text, '\n'))
}

// checkOurs returns an error if there is a context that this command did not write.
func checkOurs(path string) error {
	content, err := rendezvous.ReadPrivate(path, maxContext)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var there natsContext
	if err == nil {
		err = json.Unmarshal(content, &there)
	}
	if err != nil || !strings.HasPrefix(there.Description, ourDescription) {
		return fmt.Errorf("%s was not written by this command, and is left alone: use another name, or --force", path)
	}
	return nil
}
