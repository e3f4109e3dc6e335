package faults_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/daemoneye/eventbus/embed"
)

// fullDisk is the role of a process that has a disk of its own, and fills it.
const fullDisk = "full disk "

// TestDiskFull starts a server where there is no room for its files. It needs a file system of its own, hence a process in
// name spaces of its own.
func TestDiskFull(t *testing.T) {
	leavesNothing(t)
	dir := filepath.Dir(socketPath(t))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+fullDisk+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "ok\n", string(out))
}

// runFullDisk is the main program of that process.
func runFullDisk(dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700"); err != nil {
		return fmt.Errorf("mount a file system of 64 KiB: %w", err)
	}
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("the disk is not full: %w", err)
	}
	before, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	ctx := context.Background()
	options := &embed.Options{Role: embed.Trusted, Socket: filepath.Join(dir, "s")}
	switch server, err := embed.Start(ctx, options); {
	case err == nil:
		return errors.Join(errors.New("it started although its token could not be written"), server.Stop(ctx))
	case !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), dir):
		return fmt.Errorf("the error does not tell what is wrong and where: %w", err)
	}
	after, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(after) != len(before) {
		return fmt.Errorf("%v was left behind beside %v", after, before)
	}
	if err := os.Remove(filler); err != nil {
		return err
	}
	server, err := embed.Start(ctx, options)
	if err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	return server.Stop(ctx)
}
