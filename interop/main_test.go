package interop_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds each wait for something that has to happen.
const patience = 30 * time.Second

// installTime bounds the installation of the clients, which may have to be downloaded.
const installTime = 15 * time.Minute

// What is downloaded is tried that often, after a pause, since a registry may be away for a moment.
const (
	downloadAttempts = 3
	downloadPause    = 10 * time.Second
)

// tools are the programs that the tests run, in a directory that lives as long as they do.
var tools struct {
	bin    string // collector, eventbus, nats and the Go clients; also the python3 of the virtual environment
	node   string // the Node clients beside their packages
	python string // the python3 that has the packages
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "interop")
	if err == nil {
		defer os.RemoveAll(dir)
		err = install(dir)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "interop: %v\n", err)
		return 1
	}
	return m.Run()
}

// install builds and installs what the tests run.
func install(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	if err := errors.Join(
		need("python3", "python3 python3-pip"), need("node", "nodejs"), need("npm", "npm"),
	); err != nil {
		return err
	}
	tools.bin, tools.node, tools.python = filepath.Join(dir, "bin"), filepath.Join(dir, "node"), filepath.Join(dir, "python", "bin", "python3")
	steps := []func() error{
		func() error { return buildAll(ctx) },
		func() error { return installPython(ctx, filepath.Join(dir, "python")) },
		func() error { return installNode(ctx) },
	}
	failures := make([]error, len(steps))
	var running sync.WaitGroup
	for i, step := range steps {
		running.Go(func() { failures[i] = step() })
	}
	running.Wait()
	return errors.Join(failures...)
}

// need returns an error that says how to get a program, unless it is there.
func need(program, packages string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%w: install it first, on Debian with: apt-get install %s", err, packages)
	}
	return nil
}

func buildAll(ctx context.Context) error {
	// In their own module they are built from the versions that it says.
	if err := execute(ctx, "..", "go", "build", "-o", tools.bin+string(filepath.Separator), "./cmd/collector", "./cmd/eventbus"); err != nil {
		return err
	}
	for _, program := range []struct{ name, pkg string }{
		{"nats", "github.com/nats-io/natscli/nats"},
		{"goplain-watch", "./goplain/watch"}, {"goplain-publish", "./goplain/publish"},
		{"gobus-watch", "./gobus/watch"}, {"gobus-publish", "./gobus/publish"},
	} {
		if err := download(ctx, ".", "go", "build", "-o", filepath.Join(tools.bin, program.name), program.pkg); err != nil {
			return err
		}
	}
	return nil
}

// installPython makes a virtual environment without a pip of its own, which takes longer than all the rest.
func installPython(ctx context.Context, dir string) error {
	if err := execute(ctx, ".", "python3", "-m", "venv", "--without-pip", dir); err != nil {
		return fmt.Errorf("%w\nit needs Python's venv, on Debian: apt-get install python3-venv", err)
	}
	if err := execute(ctx, ".", "python3", "-m", "pip", "--version"); err != nil {
		return fmt.Errorf("%w\nit needs Python's pip, on Debian: apt-get install python3-pip", err)
	}
	err := download(ctx, ".", "python3", "-m", "pip", "--python", tools.python, "install", "--disable-pip-version-check", "--quiet",
		"-r", "python/requirements.txt")
	if err != nil {
		return fmt.Errorf("%w\nit needs a package index with what python/requirements.txt says", err)
	}
	return nil
}

// installNode puts the packages into a copy: the sources stay as they are.
func installNode(ctx context.Context) error {
	if err := os.CopyFS(tools.node, sources{os.DirFS("node")}); err != nil {
		return err
	}
	if err := download(ctx, tools.node, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		return fmt.Errorf("%w\nit needs a package registry with what node/package-lock.json says", err)
	}
	return nil
}

// download is execute for a command that needs the network, and that may be repeated.
func download(ctx context.Context, dir, name string, args ...string) (err error) {
	for attempt := range downloadAttempts {
		if attempt > 0 {
			select {
			case <-time.After(downloadPause):
			case <-ctx.Done():
				return err
			}
		}
		if err = execute(ctx, dir, name, args...); err == nil {
			return nil
		}
	}
	return err
}

// execute runs a command, and returns its output as an error if it fails.
func execute(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}
